"""CONTRIBUTING shows how to add a loss and a metric. Tests apply its diffs to a copy of the sources."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
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
    """A copy of the sources and of their compiled kernels, with the diffs applied; one for all tests."""
    copy = tmp_path_factory.mktemp("changed")
    for folder in COPIED:
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("*.pyc"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    for diff in (LOSS, METRIC):
        subprocess.run(["git", "apply", "-"], cwd=copy, input=diff.encode(), check=True)
    migrate = [sys.executable, "-m", "tools.make_migration", "macro Jaccard"]
    subprocess.run(migrate, cwd=copy, check=True, capture_output=True)
    return copy


def run_tests(folder: Path, named: str, *subjects: str) -> str:
    """What pytest prints for those of the tests that match the expression `named`."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", named, *subjects]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True).stdout


def require_passed(output: str, at_least: int) -> None:
    assert " failed" not in output, output
    assert " error" not in output, output
    passed = int(output.rpartition(" passed")[0].split()[-1])
    assert passed >= at_least, f"too few to be the contract tests:\n{output}"


@contextmanager
def mistaken(file: Path, right: str, wrong: str) -> Iterator[None]:
    """The file with a mistake, for a while."""
    shown = file.read_text()
    assert shown.count(right) == 1
    file.write_text(shown.replace(right, wrong))
    yield
    file.write_text(shown)


LOSS_CONTRACT = "tests/workers/nn/losses"


def test_the_loss_that_is_shown_passes_the_contract_tests_without_another_line(changed: Path) -> None:
    everywhere = ("tests/workers/test_catalog.py", "tests/workers/test_equivalence.py")
    require_passed(run_tests(changed, "poly1", LOSS_CONTRACT, *everywhere), at_least=10)


def test_the_contract_tests_would_notice_a_wrong_gradient(changed: Path) -> None:
    entropy = changed / "workers" / "nn" / "losses" / "entropy.py"
    with mistaken(entropy, "(1 + self.epsilon * p_y)", "(1 + 1.001 * self.epsilon * p_y)"):
        output = run_tests(changed, "poly1", LOSS_CONTRACT)
    oracle = "those_of_torch" if find_spec("torch") else "finite_differences"
    assert oracle in output, output
    assert " failed" in output, output


CONTRACT = "tests/workers/evaluation/metrics"
FORMULAS = Path("workers/evaluation/metrics/from_confusion.py")


@pytest.fixture
def with_metric(changed: Path) -> Path:
    pytest.importorskip("sklearn", reason="scikit-learn is the oracle of metrics")
    return changed


def test_the_metric_that_is_shown_is_stored_and_returned_without_another_line(with_metric: Path) -> None:
    """Eleven tests of its values; eight of the columns, responses, CSV, summary, selection and catalogue of each."""
    everywhere = ("tests/service/api/test_every_metric.py", "tests/service/store/test_migrations.py")
    output = run_tests(
        with_metric, "macro_jaccard or (every_metric or schema) and sqlite", CONTRACT, *everywhere
    )
    require_passed(output, at_least=11 + 8)


def test_the_contract_tests_would_notice_a_wrong_formula(with_metric: Path) -> None:
    with mistaken(with_metric / FORMULAS, "(rows + predicted - hits)", "(rows + predicted - hits + 1e-6)"):
        output = run_tests(with_metric, "macro_jaccard", CONTRACT)
    assert "test_it_is_what_its_oracle_computes[macro_jaccard]" in output, output
    assert " failed" in output, output


def test_the_schema_would_not_be_the_migrated_one_if_every_epoch_had_to_have_the_metric(
    with_metric: Path,
) -> None:
    declared = '@metric(direction="max")\ndef macro_jaccard'
    required = declared.replace(")", ", always_stored=True)", 1)
    with mistaken(with_metric / FORMULAS, declared, required):
        output = run_tests(with_metric, "schema and sqlite", "tests/service/store/test_migrations.py")
    assert " failed" in output, output
