"""Commands about data sets."""

import re
from pathlib import Path
from typing import Annotated

import typer

from service.cli.commands.answers import print_answer
from service.cli.commands.messages import client_of
from service.cli.commands.options import LOCAL, STANDARD_INPUT, Json, Url, file_argument, open_file

commands = typer.Typer()


File = Annotated[Path, file_argument("A file with the rows")]
Fields = Annotated[
    list[str] | None,
    typer.Option("--field", "-F", help="A field of the upload form, such as label=species. May be repeated."),
]


@commands.command()
def datasets(json: Json = False, url: Url = LOCAL) -> None:
    """List the data sets that a spec can name."""
    from service.cli.console import show_datasets

    with client_of(url) as client:
        found = client.datasets()
    print_answer(found, show_datasets, as_json=json)


@commands.command()
def upload(
    file: File,
    name: Annotated[str | None, typer.Option(help="Of the data set.  [that of the file]")] = None,
    label: Annotated[str | None, typer.Option(help="The column to predict.")] = None,
    field: Fields = None,
    json: Json = False,
    url: Url = LOCAL,
) -> None:
    """Upload a file as a data set. What it may mean in two ways is asked: answer with --field."""
    from service.cli.console import show_upload

    given = dict(map(_field_of_form, field or [])) | ({"label": label} if label else {})
    if name is None and file == STANDARD_INPUT:
        raise typer.BadParameter("Standard input has no name: give the data set one with --name.")
    form = {"name": name or _name_of(file), **given}
    with client_of(url) as client, open_file(file) as content:
        uploaded = client.upload(content, form)
    print_answer(uploaded, show_upload, as_json=json)


@commands.command()
def inspect(
    file: File,
    field: Fields = None,
    json: Json = False,
    url: Url = LOCAL,
) -> None:
    """Show how a file would be read if it was uploaded: its columns, and every doubt about them."""
    from service.cli.console import show_inspection

    given = dict(map(_field_of_form, field or []))
    with client_of(url) as client, open_file(file) as content:
        found = client.inspect(content, {"name": _name_of(file), **given})
    print_answer(found, show_inspection, as_json=json)
    raise typer.Exit(0 if found["is_ready"] else 1)


def _name_of(file: Path) -> str:
    """A name for a data set, made of that of a file: Flowers 2026.csv becomes flowers-2026."""
    words = re.sub(r"[^a-z0-9._-]+", "-", file.name.partition(".")[0].lower()).strip("._-")
    return words[:64] or "upload"


def _field_of_form(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"{text!r} should be NAME=VALUE")
    return name, value
