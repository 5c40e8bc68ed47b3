"""CONTRIBUTING shows how a loss is added. The diff is applied to a copy of the sources, and the copy is tested."""

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tools.doc_commands import blocks

ROOT = Path(__file__).parents[1]
(DIFF,) = blocks((ROOT / "CONTRIBUTING.md").read_text(), "diff")
COPIED = ("service", "tests", "tools", "workers")

pytestmark = pytest.mark.skipif(not shutil.which("git"), reason="needs git")


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources, with the diff applied. One for all tests: its kernels have to be compiled."""
    copy = tmp_path_factory.mktemp("changed")
    for folder in COPIED:
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    subprocess.run(["git", "apply", "-"], cwd=copy, input=DIFF.encode(), check=True)
    return copy


def outcome(folder: Path, *arguments: str) -> str:
    """What pytest says in the end of the tests of losses and of the catalogue that name Poly-1."""
    subjects = [
        "tests/workers/nn/losses",
        "tests/workers/test_catalog.py",
        "tests/workers/test_equivalence.py",
    ]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "poly1", *subjects]
    return subprocess.run([*command, *arguments], cwd=folder, capture_output=True, text=True).stdout


def test_the_loss_that_is_shown_passes_the_contract_tests_without_another_line(changed: Path) -> None:
    said = outcome(changed)
    assert " failed" not in said, said
    assert " error" not in said, said
    passed = int(said.rpartition(" passed")[0].split()[-1])
    assert passed >= 10, f"too few to be the contract tests of a loss:\n{said}"


def test_the_contract_tests_would_notice_a_wrong_gradient(changed: Path) -> None:
    entropy = changed / "workers" / "nn" / "losses" / "entropy.py"
    right, wrong = "(1 + self.epsilon * p_y)", "(1 + 1.001 * self.epsilon * p_y)"
    shown = entropy.read_text()
    assert shown.count(right) == 1
    entropy.write_text(shown.replace(right, wrong))
    said = outcome(changed)
    entropy.write_text(shown)
    oracle = "those_of_torch" if find_spec("torch") else "finite_differences"
    assert oracle in said, said
    assert " failed" in said, said
