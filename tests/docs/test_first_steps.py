"""docs/first-steps.md: its commands, run in order against a service, print what the page shows."""

from pathlib import Path

import pytest

from service.launcher import serving
from service.settings import Settings
from tests.docs.stories import printed
from tests.documented_output import text_difference
from tools.doc_commands import blocks

PAGE = Path(__file__).parents[2] / "docs" / "first-steps.md"

pytestmark = pytest.mark.timeout(400)
"""All commands of the page run in one test."""


@pytest.mark.thorough
def test_the_commands_print_what_the_page_shows(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", port=0, workers=2, log_level="warning")
    with serving(settings) as url:
        outputs = printed(PAGE, url, tmp_path)
    assert sum(bool(command.shown) for command, _ in outputs) == 3
    for command, output in outputs:
        assert text_difference(command.shown, output) == "", output
    shown = blocks(PAGE.read_text(), "text")[1]
    assert text_difference(shown, (tmp_path / "softmax.txt").read_text()) == ""
