"""Options and arguments that several commands take."""

from pathlib import Path
from typing import Annotated

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
SpecFile = Annotated[Path, typer.Argument(help="A JSON file with the spec, or - for standard input.")]
Json = Annotated[bool, typer.Option("--json", help="Print the answer of the service as JSON.")]
LOCAL = "http://127.0.0.1:8000"


def read_spec(path: Path) -> str:
    """The text of a file, or of standard input if the path is `-`."""
    if str(path) == "-":
        return typer.get_text_stream("stdin").read()
    if not path.is_file():
        raise typer.BadParameter(f"{path} is not a file")
    return path.read_text()
