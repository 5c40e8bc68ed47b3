"""holdout: the command line. Each command imports what it needs when it runs, so that `--help` is instant."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from workers import blas

app = typer.Typer(
    name="holdout",
    help="Honest classification experiments, as a service.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Url = Annotated[str, typer.Option(envvar="HOLDOUT_URL", help="Where the service answers.")]
DataDir = Annotated[Path | None, typer.Option(help="Database, data sets and caches.  [HOLDOUT_DATA_DIR: data]")]
Workers = Annotated[int | None, typer.Option(min=0, help="Worker processes.  [HOLDOUT_WORKERS: one a core]")]
SpecFile = Annotated[Path, typer.Argument(help="A JSON file with the spec; - reads standard input.")]
LOCAL = "http://127.0.0.1:8000"


@app.callback()
def main() -> None:
    """Before anything imports NumPy."""
    blas.configure(os.environ)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.  [HOLDOUT_HOST: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes a free one.  [HOLDOUT_PORT: 8000]")] = None,
    workers: Workers = None,
    data_dir: DataDir = None,
) -> None:
    """Run the API and its embedded agent."""
    from service.launcher import serve

    serve(_settings(host=host, port=port, workers=workers, data_dir=data_dir))


@app.command()
def worker(workers: Workers = None, data_dir: DataDir = None) -> None:
    """Run an agent alone, on the database and the data that the API uses."""
    from service.launcher import work

    work(_settings(workers=workers, data_dir=data_dir))


@app.command()
def migrate(data_dir: DataDir = None) -> None:
    """Bring the database to the current schema, and leave."""
    from service.launcher import migrate

    migrate(_settings(data_dir=data_dir))


@app.command()
def run(spec: SpecFile, url: Url = LOCAL) -> None:
    """Submit an experiment and follow it to its end."""
    from service.client import Client
    from service.terminal import follow

    with Client(url) as client:
        accepted = client.submit(_read(spec))
        raise typer.Exit(follow(client, [accepted["id"]]))


@app.command()
def watch(experiments: list[int], url: Url = LOCAL) -> None:
    """Follow experiments that were submitted before."""
    from service.client import Client
    from service.terminal import follow

    with Client(url) as client:
        raise typer.Exit(follow(client, experiments))


@app.command()
def validate(spec: SpecFile, url: Url = LOCAL) -> None:
    """Say what a spec means, or everything that is wrong with it, without running it."""
    from service.client import Client
    from service.terminal import show_json

    with Client(url) as client:
        show_json(client.validate(_read(spec)))


@app.command()
def datasets(url: Url = LOCAL) -> None:
    """List the data sets that a spec can name."""
    from service.client import Client
    from service.terminal import show_datasets

    with Client(url) as client:
        show_datasets(client.datasets())


@app.command()
def doctor(data_dir: DataDir = None) -> None:
    """Show versions, kernels, folders, and what is worth putting right."""
    from service.doctor import examine
    from service.terminal import show_findings

    raise typer.Exit(show_findings(examine(_settings(data_dir=data_dir))))


@app.command()
def demo(data_dir: DataDir = None) -> None:
    """Start a service on a free port, compare two losses on imbalanced digits, show what came out."""
    from service.demo import demonstrate

    raise typer.Exit(demonstrate(_settings(data_dir=data_dir)))


def _settings(**options: Any) -> Any:
    from service.settings import Settings

    return Settings(**{name: value for name, value in options.items() if value is not None})


def _read(path: Path) -> str:
    if str(path) == "-":
        return typer.get_text_stream("stdin").read()
    if not path.is_file():
        raise typer.BadParameter(f"{path} is not a file")
    return path.read_text()
