"""docs/shift.md: its commands, run in order against a service, print what the page shows."""

import re
import shutil
from pathlib import Path

import pytest

from service.launcher import serving
from service.settings import Settings
from tests.docs.stories import printed
from tests.documented_output import text_difference

PAGE = Path(__file__).parents[2] / "docs" / "shift.md"

pytestmark = pytest.mark.timeout(400)
"""All commands of the page run in one test."""


@pytest.mark.thorough
def test_the_story_prints_what_the_page_shows(tmp_path: Path) -> None:
    if not shutil.which("curl"):
        pytest.skip("the commands need curl")
    settings = Settings(data_dir=tmp_path / "data", port=0, workers=1, log_level="warning")
    with serving(settings) as url:
        outputs = printed(PAGE, url, tmp_path)
    assert len(outputs) == 4
    for command, output in outputs:
        assert text_difference(command.shown, output) == "", output
    moved, monitor = outputs[2][1], outputs[3][1]
    assert re.search(r"^temperature .* 1[34]\d", moved, re.MULTILINE), moved
    assert re.search(r"^line ", moved, re.MULTILINE), moved
    assert "Measured accuracy" in moved
    assert "raised an alarm at batch 2" in monitor
    assert re.search(r"^2 +moved.csv .*temperature", monitor, re.MULTILINE), monitor
