"""Commands about data sets."""

from pathlib import Path
from typing import Annotated

import typer

from service.cli.commands.messages import client_of
from service.cli.commands.options import LOCAL, Url

commands = typer.Typer()


@commands.command()
def datasets(url: Url = LOCAL) -> None:
    """List the data sets that a spec can name."""
    from service.cli.console import show_datasets

    with client_of(url) as client:
        show_datasets(client.datasets())


@commands.command()
def inspect(
    file: Annotated[Path, typer.Argument(help="A file with a table.", exists=True, dir_okay=False)],
    field: Annotated[
        list[str] | None,
        typer.Option(
            "--field", "-F", help="A field of the upload form, such as label=species. May be repeated."
        ),
    ] = None,
    url: Url = LOCAL,
) -> None:
    """Show how a file would be read if it was uploaded: its columns, and every doubt about them."""
    from service.cli.console import show_inspection

    given = dict(map(_field_of_form, field or []))
    with client_of(url) as client:
        found = client.inspect(file, {"name": "inspected", **given})
    raise typer.Exit(show_inspection(found))


def _field_of_form(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"{text!r} should be NAME=VALUE")
    return name, value
