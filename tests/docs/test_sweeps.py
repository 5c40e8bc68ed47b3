"""docs/sweeps.md: its commands submit what the page says; the one on MNIST ranks the treatments of imbalance."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from service.launcher import serving
from service.settings import Settings
from tools.doc_commands import Command, commands, run

ROOT = Path(__file__).parents[2]
MNIST = ROOT.parent / "shared" / "data" / "mnist"
COMMANDS = list(commands((ROOT / "docs" / "sweeps.md").read_text()))
SUBMIT, RARE_DIGITS = COMMANDS


def settings(folder: Path, workers: int) -> Settings:
    return Settings(data_dir=folder / "data", port=0, workers=workers, log_level="warning")


@pytest.mark.skipif(not shutil.which("curl"), reason="the command needs curl")
def test_the_first_command_is_accepted_with_its_candidates(tmp_path: Path) -> None:
    with serving(settings(tmp_path, 0)) as url:
        response = run(SUBMIT, url, tmp_path)
    sweep = json.loads(response.body)
    assert (response.status, sweep["candidates"], sweep["runs"], sweep["name"]) == (202, 12, 36, "digits")


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not MNIST.is_dir(), reason=f"the MNIST files are not in {MNIST}")
def test_balanced_softmax_is_in_the_top_group_on_rare_digits_and_no_treatment_is_not(tmp_path: Path) -> None:
    (tmp_path / "data" / "datasets").mkdir(parents=True)
    (tmp_path / "data" / "datasets" / "mnist").symlink_to(MNIST)
    with serving(settings(tmp_path, 2)) as url:
        output = shell(RARE_DIGITS, url)
    print(f"\n{output}")  # noqa: T201 -- the leaderboard, with -s
    table, _, _ = output.partition("\n\n")
    rows = re.split(r"^(?=[* ] +\d+ )", table, flags=re.MULTILINE)[1:]
    assert len(rows) == 4
    assert any("balanced_softmax" in row for row in rows if row.startswith("*"))
    (plain,) = [row for row in rows if "balancing none, class_weights none" in row and "cross_entropy" in row]
    assert not plain.startswith("*")


def shell(command: Command, url: str) -> str:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "HOLDOUT_URL": url}
    ran = subprocess.run(
        ["sh", "-ec", command.text], env=environment, capture_output=True, text=True, check=True
    )
    return ran.stdout
