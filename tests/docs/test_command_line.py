"""docs/command-line.md: its commands, run in order against a service, print what the page shows."""

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from service.cli.commands import app
from service.launcher import serving
from service.settings import Settings
from tests.docs import stories
from tests.documented_output import text_difference
from tools.doc_commands import Command

PAGE = Path(__file__).parents[2] / "docs" / "command-line.md"

pytestmark = pytest.mark.timeout(400)
"""All commands of the page run in one test."""

ELSEWHERE = {
    "doctor",
    "demo",
    "serve",
    "worker",
    "migrate",
    "backup",
    "curves",
    "operating-points",
    "predictions",
}
"""Commands of other pages: they run the service, or need other data."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shell")


@pytest.fixture(scope="module")
def printed(folder: Path) -> Iterator[list[tuple[Command, str]]]:
    settings = Settings(data_dir=folder / "data", port=0, workers=2, log_level="warning")
    with serving(settings) as url:
        yield stories.printed(PAGE, url, folder)


@pytest.mark.thorough
def test_the_commands_print_what_the_page_shows(printed: list[tuple[Command, str]]) -> None:
    assert sum(bool(command.shown) for command, _ in printed) >= 7
    for command, output in printed:
        assert text_difference(command.shown, output) == "", output


@pytest.mark.thorough
def test_the_files_have_the_rows_and_the_experiment(printed: list[tuple[Command, str]], folder: Path) -> None:
    assert zipfile.ZipFile(folder / "plain.zip").testzip() is None
    predicted = next(output for command, output in printed if "predict" in command.text)
    row = json.loads(predicted.splitlines()[0])
    assert row["label"] in ("setosa", "versicolor", "virginica")
    assert 0 <= row["setosa"] <= 1 if "setosa" in row else len(row) > 1


@pytest.mark.thorough
def test_a_leaderboard_marks_the_top_group_and_recommends(printed: list[tuple[Command, str]]) -> None:
    (output,) = [output for command, output in printed if "--watch" in command.text]
    assert re.search(r"^\* +\d+ +loss \w+, learning_rate 0.01 +\d\.\d{3} +\[", output, re.MULTILINE), output
    assert "* cannot be told from the best." in output
    assert "corrected for having been chosen among 4" in output.replace("\n", " ")


@pytest.mark.thorough
def test_bash_completes_the_names_of_commands(printed: list[tuple[Command, str]], folder: Path) -> None:
    script = "COMP_WORDS=(holdout lea); COMP_CWORD=1; _holdout_completion holdout; echo ${COMPREPLY[@]}"
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    ran = subprocess.run(
        ["bash", "-c", f"source completion.sh; {script}"],
        cwd=folder,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == "leaderboard\n"


def test_the_page_names_every_command() -> None:
    text = PAGE.read_text()
    names = set(vars(get_command(app))["commands"]) - {"token"}
    missing = [name for name in names - ELSEWHERE if not re.search(rf"(holdout|`) ?{name}\b", text)]
    assert missing == []
    assert {"sweep", "list", "leaderboard"} <= names
