"""Options and arguments that several commands take."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

Url = Annotated[str, typer.Option(envvar="HOLDOUT_URL", help="The address of the service.")]
DataDir = Annotated[
    Path | None, typer.Option(help="Folder for the database, data sets and caches.  [HOLDOUT_DATA_DIR: data]")
]
Workers = Annotated[
    int | None, typer.Option(min=0, help="Worker processes.  [HOLDOUT_WORKERS: one per core]")
]
Engine = Annotated[
    str | None,
    typer.Option(
        help="How agents learn of new runs: none (they poll), or procrastinate for several machines.  "
        "[HOLDOUT_ENGINE: none]"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the answer of the service as JSON.")]
LOCAL = "http://127.0.0.1:8000"
STANDARD_INPUT = Path("-")


def file_to_read(text: str) -> Path:
    """The path of a file that a command reads; `-` is standard input.

    Every command that takes a file names it by this. Typer itself has three wordings for a missing file, and refuses
    `-` where a path has to exist.
    """
    path = Path(text)
    if path == STANDARD_INPUT:
        return path
    if path.is_dir():
        raise typer.BadParameter(f"{text!r} is a folder, not a file.")
    if not path.exists():
        raise typer.BadParameter(f"There is no file {text!r}.")
    if not os.access(path, os.R_OK):
        raise typer.BadParameter(f"The file {text!r} cannot be read: permission denied.")
    return path


def file_argument(contents: str) -> Any:
    """An argument that names a file to read."""
    return typer.Argument(
        help=f"{contents}, or - for standard input.", parser=file_to_read, metavar="FILE", show_default=False
    )


SpecFile = Annotated[Path, file_argument("A JSON file with the spec")]
RowsFile = Annotated[Path, file_argument("Rows as CSV or NPZ")]


def read_text(path: Path) -> str:
    """The text of a file, or of standard input."""
    with open_file(path) as file:
        content = file.read()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise typer.BadParameter(f"{str(path)!r} is not text in UTF-8.") from None


@contextmanager
def open_file(path: Path) -> Iterator[BinaryIO]:
    """The bytes of a file, or of standard input."""
    if path == STANDARD_INPUT:
        yield typer.get_binary_stream("stdin")
    else:
        with path.open("rb") as file:
            yield file


@contextmanager
def file_to_write(path: Path) -> Iterator[BinaryIO]:
    """A new file. If what writes it fails, none is left."""
    if path.is_dir():
        raise typer.BadParameter(f"{str(path)!r} is a folder, not a file.")
    try:
        file = path.open("wb")
    except OSError as error:
        raise typer.BadParameter(f"{str(path)!r} cannot be written: {error.strerror}.") from None
    with file:
        try:
            yield file
        except BaseException:
            if path.is_file():  # and not /dev/stdout
                path.unlink()
            raise
