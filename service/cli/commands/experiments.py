"""Commands that submit experiments and follow them."""

import typer

from service.cli.commands.messages import client_of
from service.cli.commands.options import LOCAL, SpecFile, Url, read_spec

commands = typer.Typer()


@commands.command()
def run(spec: SpecFile, url: Url = LOCAL) -> None:
    """Submit an experiment and follow it until it is finished."""
    from service.cli.console import follow

    with client_of(url) as client:
        accepted = client.submit(read_spec(spec))
        raise typer.Exit(follow(client, [accepted["id"]]))


@commands.command()
def watch(experiments: list[int], url: Url = LOCAL) -> None:
    """Follow experiments that were already submitted."""
    from service.cli.console import follow

    with client_of(url) as client:
        raise typer.Exit(follow(client, experiments))


@commands.command()
def validate(spec: SpecFile, url: Url = LOCAL) -> None:
    """Check a spec without running it: print what it resolves to, or every error in it."""
    from service.cli.console import show_json

    with client_of(url) as client:
        show_json(client.validate(read_spec(spec)))
