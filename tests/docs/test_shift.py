"""docs/shift.md: its commands, run in order against a service, print what the page shows."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from service.launcher import serving
from service.settings import Settings
from tests.documented_output import text_difference

PAGE = Path(__file__).parents[2] / "docs" / "shift.md"
BLOCK = re.compile(r"```sh\n(.*?)```(?:\n\n```text\n(.*?)```)?", re.DOTALL)


@pytest.mark.thorough
def test_the_story_prints_what_the_page_shows(tmp_path: Path) -> None:
    if not shutil.which("curl"):
        pytest.skip("the commands need curl")
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    blocks = BLOCK.findall(PAGE.read_text())
    assert len(blocks) == 4
    printed = []
    settings = Settings(data_dir=tmp_path / "data", port=0, workers=1, log_level="warning")
    with serving(settings) as url:
        environment["HOLDOUT_URL"] = url
        for commands, shown in blocks:
            script = commands.replace("http://127.0.0.1:8000", url)
            ran = subprocess.run(
                ["sh", "-ec", script],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert ran.returncode == 0, ran.stderr + ran.stdout
            printed.append(ran.stdout)
            assert text_difference(shown, ran.stdout) == "", ran.stdout
    moved = printed[2]
    assert re.search(r"^temperature .* 1[34]\d", moved, re.MULTILINE), moved
    assert re.search(r"^line ", moved, re.MULTILINE), moved
    assert "Measured accuracy" in moved
    assert "raised an alarm at batch 2" in printed[3]
    assert re.search(r"^2 +moved.csv .*temperature", printed[3], re.MULTILINE), printed[3]
