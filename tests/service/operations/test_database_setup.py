"""A database that cannot be used stops the start with one sentence: which file, why, and what it has to be."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.cli.commands import app


def not_a_database(folder: Path) -> Path:
    (folder / "holdout.db").write_bytes(b"no database, but longer than the header of one. " * 20)
    return folder


def a_folder_instead_of_the_file(folder: Path) -> Path:
    (folder / "holdout.db").mkdir()
    return folder


def a_file_instead_of_the_folder(folder: Path) -> Path:
    (folder / "data").write_text("no folder")
    return folder / "data"


def below_a_file(folder: Path) -> Path:
    (folder / "data").write_text("no folder")
    return folder / "data" / "below"


@pytest.mark.parametrize(
    "command", [["serve", "--port=0", "--workers=0"], ["worker"], ["migrate"]], ids=" ".join
)
@pytest.mark.parametrize(
    ("made", "cause"),
    [
        (not_a_database, "file is not a database"),
        (a_folder_instead_of_the_file, "unable to open database file"),
        (a_file_instead_of_the_folder, "File exists"),
        (below_a_file, "Not a directory"),
    ],
)
def test_it_is_said_why_it_cannot_be_used(
    tmp_path: Path, command: list[str], made: Callable[[Path], Path], cause: str
) -> None:
    folder = made(tmp_path)
    result = CliRunner().invoke(app, [*command, "--data-dir", str(folder)])
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 1
    (sentence,) = result.stderr.splitlines()
    assert sentence.startswith(
        f"The database {folder / 'holdout.db'} cannot be used: {cause}. It has to be"
    ), sentence
