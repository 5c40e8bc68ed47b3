"""Commands that run the service, or look after its folder."""

from pathlib import Path
from typing import Annotated

import typer

from service.cli.commands.messages import settings_of, startup_errors_as_messages
from service.cli.commands.options import DataDir, Engine, Workers
from workers.imports import without_collections

commands = typer.Typer()


@commands.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.  [HOLDOUT_HOST: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes a free one.  [HOLDOUT_PORT: 8000]")] = None,
    workers: Workers = None,
    data_dir: DataDir = None,
    engine: Engine = None,
) -> None:
    """Run the API, and workers that train."""
    with without_collections():
        from service.launcher import serve

    with startup_errors_as_messages():
        serve(settings_of(host=host, port=port, workers=workers, data_dir=data_dir, engine=engine))


@commands.command()
def worker(workers: Workers = None, data_dir: DataDir = None, engine: Engine = None) -> None:
    """Run workers only, on the database of an API that runs elsewhere."""
    with without_collections():
        from service.launcher import run_agent

    with startup_errors_as_messages():
        run_agent(settings_of(workers=workers, data_dir=data_dir, engine=engine))


@commands.command()
def migrate(data_dir: DataDir = None, engine: Engine = None) -> None:
    """Migrate the database to the current schema."""
    from service.operations.database_setup import migrate

    with startup_errors_as_messages():
        migrate(settings_of(data_dir=data_dir, engine=engine))


@commands.command()
def backup(
    folder: Annotated[Path, typer.Argument(help="The folder to create.")], data_dir: DataDir = None
) -> None:
    """Copy the database, the artifacts and the data sets to a new folder, while the service runs."""
    from service.operations.backup import BackupFailed, back_up

    with startup_errors_as_messages():
        try:
            made = back_up(settings_of(data_dir=data_dir), folder)
        except BackupFailed as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(1) from None
    typer.echo(
        f"{made.database}: the database, with {made.artifacts:,} artifacts and the data sets beside it"
    )
    for why in made.lost:
        typer.echo(f"not copied: {why}", err=True)
