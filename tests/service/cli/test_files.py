"""Files on the command line: each command that reads one names what is wrong with it alike, and takes `-`."""

import errno
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

from service.cli.commands import app
from service.cli.commands.messages import request_errors_as_messages
from service.client import Client
from service.launcher import serving
from service.settings import Settings
from tests.service.cli.test_cli import run

FLOWERS = "length,width,kind\n1.5,2,small\n3,4,large\n1,2.5,small\n4,4.5,large\n"
READERS = (
    ("run",),
    ("validate",),
    ("sweep",),
    ("upload",),
    ("inspect",),
    ("predict", "1"),
    ("shift", "1"),
    ("monitor", "add", "1"),
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = Settings(workers=0, port=0, data_dir=tmp_path_factory.mktemp("files"), log_level="warning")
    with serving(settings) as url:
        yield url


def printed(output: str) -> str:
    """A message without the frame around it and without its line breaks."""
    return " ".join(re.sub("[│╭╮╰╯─]", " ", output).split())


def test_every_command_that_takes_a_file_is_known() -> None:
    taking = [name for name, command in commands() if any(each.name in TAKEN for each in command.params)]
    assert sorted(taking) == sorted([word for word in each if word != "1"][-1] for each in READERS)


TAKEN = ("spec", "space", "file", "rows")


def commands() -> Iterator[tuple[str, Any]]:
    """The commands with an argument that names a file which is read."""
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        for inner, each in getattr(command, "commands", {name: command}).items():
            if inner != "export":
                yield inner, each


@pytest.mark.parametrize("command", READERS)
def test_a_missing_file_is_named_in_the_same_words(command: tuple[str, ...]) -> None:
    code, output = run(*command, "nowhere.csv")
    assert code == 2
    assert "There is no file 'nowhere.csv'." in printed(output)


@pytest.mark.parametrize("command", READERS)
def test_a_folder_is_no_file(command: tuple[str, ...]) -> None:
    code, output = run(*command, "/")
    assert code == 2
    assert "'/' is a folder, not a file." in printed(output)


@pytest.mark.parametrize("command", READERS)
def test_standard_input_is_a_file(command: tuple[str, ...], url: str) -> None:
    named = ("--name", "flowers") if command[-1] == "upload" or "add" in command else ()
    code, output = run(*command, "-", *named, "--url", url, given=FLOWERS)
    assert code in (0, 1), output
    assert "no file" not in output


def test_what_standard_input_holds_needs_a_name() -> None:
    assert "--name" in run("upload", "-", given=FLOWERS)[1]
    assert "--name" in run("monitor", "add", "1", "-", given=FLOWERS)[1]


def test_a_pipe_is_uploaded_with_all_that_it_brings(url: str) -> None:
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb") as end:
            end.write(FLOWERS.encode())

    threading.Thread(target=write).start()
    with os.fdopen(reading, "rb") as file, Client(url) as client:
        assert client.upload(file, "piped").data["rows"] == 4


def test_an_upload_has_the_name_of_its_file_in_the_letters_of_names(url: str, tmp_path: Path) -> None:
    (tmp_path / "My Flowers (2).csv").write_text(FLOWERS)
    code, output = run("upload", str(tmp_path / "My Flowers (2).csv"), "--url", url)
    assert (code, output.splitlines()[1].split()[0]) == (0, "my-flowers-2")


def test_an_upload_says_what_is_doubtful_about_its_columns(url: str, tmp_path: Path) -> None:
    rows = "".join(f"{index},{index % 7}.5,{'ab'[index % 2]}\n" for index in range(60))
    (tmp_path / "numbered.csv").write_text(f"id,length,kind\n{rows}")
    code, output = run("upload", str(tmp_path / "numbered.csv"), "--url", url)
    assert code == 0
    assert "identifier: Column 'id' has another whole number in each row" in output


def test_a_spec_may_begin_with_a_byte_order_mark_and_has_to_be_utf_8(url: str, tmp_path: Path) -> None:
    spec = tmp_path / "spec.json"
    spec.write_bytes(b'\xef\xbb\xbf{"dataset": "iris"}')
    assert run("validate", str(spec), "--url", url)[0] == 0
    spec.write_bytes('{"dataset": "iris"}'.encode("utf-16"))
    code, output = run("validate", str(spec), "--url", url)
    assert code == 2
    assert "is not text in UTF-8" in printed(output)


def test_dates_are_shown_as_dates(url: str, tmp_path: Path) -> None:
    (tmp_path / "dated.csv").write_text("day,kind\n2026-01-31,a\n1969-12-30,b\n2026-02-01,a\n,b\n")
    assert "1969-12-30 to 2026-02-01" in run("inspect", str(tmp_path / "dated.csv"), "--url", url)[1]


def test_an_export_that_cannot_be_written_says_why(url: str, tmp_path: Path) -> None:
    with Client(url) as client:
        experiment = str(client.submit(dataset="iris").id)
    for place, reason in ((tmp_path, "is a folder, not a file"), (tmp_path / "no" / "x.zip", "No such file")):
        code, output = run("export", experiment, str(place), "--url", url)
        assert code == 2
        assert reason in printed(output)
    assert run("export", "99", str(tmp_path / "x.zip"), "--url", url) == (1, "There is no experiment 99.\n")
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_a_sentence_and_a_closed_pipe_is_left_to_typer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(typer.Exit), request_errors_as_messages("here"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert capsys.readouterr().err == "The output cannot be used: No space left on device.\n"
    with pytest.raises(BrokenPipeError), request_errors_as_messages("here"):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


def test_the_errors_of_a_refusal_are_printed_once(url: str) -> None:
    _, output = run("run", "-", "--url", url, given='{"los": 1, "training": {"epoch": 3}}')
    assert [line.partition(":")[0] for line in output.splitlines()] == ["training.epoch", "los"]
    assert run("run", "-", "--url", url, given="[1]")[1] == "body: should be an object\n"


def test_ids_are_listed_as_other_commands_take_them(url: str) -> None:
    with Client(url) as client:
        numbers = [client.submit(dataset="wine").id for _ in range(2)]
    assert run("list", "--dataset", "wine", "--ids", "--url", url) == (0, f"{numbers[1]}\n{numbers[0]}\n")
