"""CONTRIBUTING shows how to add a loss and a metric. Tests apply its diffs to a copy of the sources."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from tools.doc_commands import blocks

ROOT = Path(__file__).parents[1]
LOSS, METRIC = blocks((ROOT / "CONTRIBUTING.md").read_text(), "diff")
COPIED = ("service", "tests", "tools", "workers")

pytestmark = [
    pytest.mark.skipif(not shutil.which("git"), reason="needs git"),
    pytest.mark.timeout(300),  # they compile the kernels of the copy where this checkout has none
]


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources, their bytecode and their compiled kernels, with the diffs applied; one for all tests."""
    copy = tmp_path_factory.mktemp("changed")
    for folder in COPIED:
        shutil.copytree(ROOT / folder, copy / folder)
    shutil.copy(ROOT / "pyproject.toml", copy)
    for diff in (LOSS, METRIC):
        subprocess.run(["git", "apply", "-"], cwd=copy, input=diff.encode(), check=True)
    return copy


@pytest.fixture(scope="module")
def migrated(changed: Path) -> Path:
    """The same, with the migration to the new column."""
    migrate = [sys.executable, "-m", "tools.make_migration", "macro Jaccard"]
    subprocess.run(migrate, cwd=changed, check=True, capture_output=True)
    return changed


LOSSES = "tests/workers/nn/losses"
CATALOG, EQUIVALENCE = "tests/workers/test_catalog.py", "tests/workers/test_equivalence.py"
METRICS = "tests/workers/evaluation/metrics"
API, MIGRATIONS = "tests/service/api/test_every_metric.py", "tests/service/store/test_migrations.py"
FORMULAS = Path("workers/evaluation/metrics/from_confusion.py")
DECLARED = '@metric(direction="max")\ndef macro_jaccard'


@dataclass(frozen=True)
class Outcomes:
    """What pytest printed, a line for each test."""

    printed: str

    def of(self, outcome: str, *files: str) -> list[str]:
        """The tests of some files or folders that ended so."""
        lines = self.printed.splitlines()
        return [line for line in lines if line.startswith(files) and f" {outcome}" in line]


def run_tests(folder: Path, named: str, *subjects: str) -> Outcomes:
    """Run those of the tests that match the expression `named`."""
    options = ["-vv", "--tb=no", "-r", "N", "-p", "no:cacheprovider", "-k", named]
    command = [sys.executable, "-m", "pytest", *options, *subjects]
    return Outcomes(subprocess.run(command, cwd=folder, capture_output=True, text=True).stdout)


@contextmanager
def mistaken(file: Path, right: str, wrong: str) -> Iterator[None]:
    """The file with a mistake, for a while."""
    shown = file.read_text()
    assert shown.count(right) == 1
    file.write_text(shown.replace(right, wrong))
    yield
    file.write_text(shown)


@pytest.fixture(scope="module")
def outcomes(changed: Path) -> Outcomes:
    """Of the contract tests of what is shown."""
    return run_tests(changed, "poly1 or macro_jaccard", LOSSES, CATALOG, EQUIVALENCE, METRICS)


@pytest.fixture(scope="module")
def outcomes_of_the_service(migrated: Path) -> Outcomes:
    """Of the tests of the columns, responses, CSV, summary, selection and catalogue of each metric."""
    return run_tests(migrated, "(every_metric or schema) and sqlite", API, MIGRATIONS)


@pytest.fixture(scope="module")
def outcomes_of_mistakes(migrated: Path) -> Outcomes:
    """Of the contract tests if the gradient and the formula are wrong, and every epoch has to have the metric."""
    entropy = migrated / "workers" / "nn" / "losses" / "entropy.py"
    required = DECLARED.replace(")", ", always_stored=True)", 1)
    with (
        mistaken(entropy, "(1 + self.epsilon * p_y)", "(1 + 1.001 * self.epsilon * p_y)"),
        mistaken(migrated / FORMULAS, "(rows + predicted - hits)", "(rows + predicted - hits + 1e-6)"),
        mistaken(migrated / FORMULAS, DECLARED, required),
    ):
        return run_tests(migrated, "poly1 or macro_jaccard or schema and sqlite", LOSSES, METRICS, MIGRATIONS)


@pytest.fixture
def with_metric() -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is the oracle of metrics")


def require_passed(outcomes: Outcomes, *files: str, at_least: int) -> None:
    assert not outcomes.of("FAILED", *files), outcomes.printed
    assert not outcomes.of("ERROR", *files), outcomes.printed
    assert len(outcomes.of("PASSED", *files)) >= at_least, f"too few contract tests:\n{outcomes.printed}"


def test_the_loss_that_is_shown_passes_the_contract_tests_without_another_line(outcomes: Outcomes) -> None:
    require_passed(outcomes, LOSSES, CATALOG, EQUIVALENCE, at_least=10)


@pytest.mark.thorough
def test_the_contract_tests_would_notice_a_wrong_gradient(outcomes_of_mistakes: Outcomes) -> None:
    oracle = "those_of_torch" if find_spec("torch") else "finite_differences"
    failed = outcomes_of_mistakes.of("FAILED", LOSSES)
    assert any(oracle in each for each in failed), outcomes_of_mistakes.printed


@pytest.mark.usefixtures("with_metric")
def test_the_metric_that_is_shown_passes_the_contract_tests_without_another_line(outcomes: Outcomes) -> None:
    require_passed(outcomes, METRICS, at_least=11)


@pytest.mark.thorough
@pytest.mark.usefixtures("with_metric")
def test_the_metric_that_is_shown_is_stored_and_returned_without_another_line(
    outcomes_of_the_service: Outcomes,
) -> None:
    require_passed(outcomes_of_the_service, API, MIGRATIONS, at_least=8)


@pytest.mark.thorough
@pytest.mark.usefixtures("with_metric")
def test_the_contract_tests_would_notice_a_wrong_formula(outcomes_of_mistakes: Outcomes) -> None:
    failed = outcomes_of_mistakes.of("FAILED", METRICS)
    oracle = "test_it_is_what_its_oracle_computes[macro_jaccard]"
    assert any(oracle in each for each in failed), outcomes_of_mistakes.printed


@pytest.mark.thorough
def test_the_schema_would_not_be_the_migrated_one_if_every_epoch_had_to_have_the_metric(
    outcomes_of_mistakes: Outcomes,
) -> None:
    assert outcomes_of_mistakes.of("FAILED", MIGRATIONS), outcomes_of_mistakes.printed
