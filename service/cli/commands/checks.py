"""Commands that try the installation: the demo, and the doctor."""

from pathlib import Path
from typing import Annotated

import typer

from service.cli.commands.messages import request_errors_as_messages, settings_of, startup_errors_as_messages
from service.cli.commands.options import DataDir

commands = typer.Typer()


@commands.command()
def doctor(data_dir: DataDir = None) -> None:
    """Check the installation: versions, speed, folders and database, and what to fix."""
    from service.cli.console import show_checks
    from service.operations.doctor import run_checks

    raise typer.Exit(show_checks(run_checks(settings_of(data_dir=data_dir))))


@commands.command()
def demo(
    serve: Annotated[
        bool, typer.Option("--serve", help="Keep the service running after the report.")
    ] = False,
    data_dir: Annotated[
        Path | None, typer.Option(help="Keep the demo's data in this folder.  [a temporary folder]")
    ] = None,
) -> None:
    """Compare two losses on imbalanced digits, on a service and in a folder of its own."""
    from service.cli.demo import run_demo

    with startup_errors_as_messages(), request_errors_as_messages("of the demo"):
        raise typer.Exit(run_demo(settings_of(), data_dir, serve=serve))
