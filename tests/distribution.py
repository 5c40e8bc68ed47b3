"""How xdist distributes the tests: file by file, the longest first, so that no process ends long after the others."""

from collections.abc import Iterable
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

LONGEST = (
    "tests/browser/test_pages.py",
    "tests/contract/test_schemathesis.py",
    "tests/docs/test_api.py",
    "tests/test_readme.py",
    "tests/chaos/test_scenario.py",
    "tests/service/notifiers/test_machines.py",
    "tests/service/agent/test_programs.py",
    "tests/browser/test_docs.py",
    "tests/test_contributing.py",
    "tests/browser/test_live_chart.py",
    "tests/service/api/test_every_metric.py",
    "tests/service/agent/test_processes.py",
    "tests/service/experiments/test_ways_around_the_seal.py",
    "tests/service/jobs/test_robustness_jobs.py",
    "tests/workers/nn/test_optimizers.py",  # and with it the others of PYTORCH
    "tests/service/store/test_migrations.py",
    "tests/workers/sandbox/test_hostile_tables.py",
    "tests/workers/processes/test_pool.py",
    "tests/service/api/live/test_long_polling.py",
    "tests/service/api/live/test_sse.py",
    "tests/service/test_imports_of_charts.py",
    "tests/service/cli/test_demo.py",
    "tests/service/api/test_locked_database.py",
    "tests/service/api/routing/test_exports.py",
    "tests/acceptance/test_mnist.py",
    "tests/service/agent/test_baselines.py",
    "tests/service/api/test_experiments.py",
    "tests/service/api/test_dashboard.py",
    "tests/workers/evaluation/metrics/test_every_metric.py",
    "tests/service/api/transport/test_http_protocol.py",
    "tests/service/api/auth/test_authentication.py",
    "tests/service/experiments/test_comparisons_of_rows.py",
    "tests/service/experiments/test_sealed_rows_in_responses.py",
    "tests/service/agent/test_full_disk.py",
    "tests/service/agent/test_cross_validation.py",
    "tests/service/api/transport/test_lingering_close.py",
    "tests/service/webhooks/test_slots.py",
    "tests/service/operations/test_prometheus.py",
    "tests/acceptance/test_lessons.py",
    "tests/service/api/test_epochs.py",
    "tests/workers/data/test_scaling.py",
    "tests/workers/test_linear_training.py",
)
"""The files that take longest, most of the time waiting for other programs. Their order matters little."""

APART = frozenset(
    {
        "tests/chaos/test_scenario.py",
        "tests/service/notifiers/test_machines.py",
        "tests/service/agent/test_programs.py",
        "tests/service/agent/test_processes.py",
        "tests/service/operations/test_unknown_schema.py",
    }
)
"""Files without a fixture that is made once per module: their tests go to different processes."""

PYTORCH = (
    "tests/workers/nn/",
    "tests/workers/tasks/test_regression.py",
    "tests/workers/evaluation/test_calibration.py",
    "tests/workers/evaluation/test_evaluation.py",
    "tests/workers/data/balancing/test_resampling.py",
)
"""Go to one process, so that only that one imports PyTorch."""

RANKS = {file: rank for rank, file in enumerate(LONGEST)}


def file_of(nodeid: str) -> str:
    return nodeid.partition("::")[0]


def longest_first(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    return sorted(items, key=lambda item: RANKS.get(file_of(item.nodeid), len(RANKS)))


class FileByFile(LoadScopeScheduling):  # type: ignore[misc]
    """Gives a process that is nearly done the next file, in the order of `longest_first`."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        """xdist would put the files with the most tests first."""
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        file = "PyTorch" if nodeid.startswith(PYTORCH) else file_of(nodeid)
        return nodeid if file in APART else file
