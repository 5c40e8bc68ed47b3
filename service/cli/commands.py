"""The commands of `holdout`. Each imports what it needs when it runs, so that `--help` is instant."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from workers import blas

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from service.cli.client import Client

app = typer.Typer(
    name="holdout",
    help="Train classifiers from JSON specs, as a service, and see every accuracy beside baselines and intervals.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

token = typer.Typer(help="Create, list and revoke access tokens.")
app.add_typer(token, name="token", no_args_is_help=True)

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
LOCAL = "http://127.0.0.1:8000"
TOKEN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


@app.callback()
def main() -> None:
    """Configure BLAS before anything imports NumPy."""
    blas.configure(os.environ)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.  [HOLDOUT_HOST: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes a free one.  [HOLDOUT_PORT: 8000]")] = None,
    workers: Workers = None,
    data_dir: DataDir = None,
    engine: Engine = None,
) -> None:
    """Run the API, and workers that train."""
    from service.launcher import serve

    with _startup_errors_as_messages():
        serve(_settings(host=host, port=port, workers=workers, data_dir=data_dir, engine=engine))


@app.command()
def worker(workers: Workers = None, data_dir: DataDir = None, engine: Engine = None) -> None:
    """Run workers only, on the database of an API that runs elsewhere."""
    from service.launcher import run_agent

    with _startup_errors_as_messages():
        run_agent(_settings(workers=workers, data_dir=data_dir, engine=engine))


@app.command()
def migrate(data_dir: DataDir = None, engine: Engine = None) -> None:
    """Migrate the database to the current schema."""
    from service.operations.database_setup import migrate

    with _startup_errors_as_messages():
        migrate(_settings(data_dir=data_dir, engine=engine))


@app.command()
def backup(
    folder: Annotated[Path, typer.Argument(help="The folder to create.")], data_dir: DataDir = None
) -> None:
    """Copy the database, the artifacts and the data sets to a new folder, while the service runs."""
    from service.operations.backup import BackupFailed, back_up

    with _startup_errors_as_messages():
        try:
            made = back_up(_settings(data_dir=data_dir), folder)
        except BackupFailed as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(1) from None
    typer.echo(
        f"{made.database}: the database, with {made.artifacts:,} artifacts and the data sets beside it"
    )
    for why in made.lost:
        typer.echo(f"not copied: {why}", err=True)


@app.command()
def run(spec: SpecFile, url: Url = LOCAL) -> None:
    """Submit an experiment and follow it until it is finished."""
    from service.cli.console import follow

    with _client(url) as client:
        accepted = client.submit(_read(spec))
        raise typer.Exit(follow(client, [accepted["id"]]))


@app.command()
def watch(experiments: list[int], url: Url = LOCAL) -> None:
    """Follow experiments that were already submitted."""
    from service.cli.console import follow

    with _client(url) as client:
        raise typer.Exit(follow(client, experiments))


@app.command()
def compare(
    experiments: list[int],
    metric: Annotated[
        str | None, typer.Option(help="By default the one that selected the epochs of the first experiment.")
    ] = None,
    reference: Annotated[
        int | None, typer.Option(help="Compare the others with this one only, instead of all in pairs.")
    ] = None,
    url: Url = LOCAL,
) -> None:
    """Compare experiments: which is better, how certain that is, and of what."""
    from service.cli.console import show_comparison

    with _client(url) as client:
        show_comparison(client.compare(experiments, metric, reference))


@app.command()
def errors(
    experiment: int,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The largest number of rows.")] = 20,
    url: Url = LOCAL,
) -> None:
    """List the validation rows that most seeds of an experiment get wrong."""
    from service.cli.console import show_errors

    with _client(url) as client:
        show_errors(client.errors(experiment, limit=limit))


@app.command()
def predictions(experiment: int, url: Url = LOCAL) -> None:
    """Print what each seed of an experiment predicted for each validation row, as CSV."""
    with _client(url) as client:
        for text in client.predictions(experiment):
            typer.echo(text, nl=False)


@app.command()
def curves(
    experiment: int,
    csv: Annotated[bool, typer.Option("--csv", help="Print the points of both curves as CSV.")] = False,
    url: Url = LOCAL,
) -> None:
    """Show the areas under the ROC and precision-recall curves of each seed; two classes."""
    from service.cli.console import show_scores

    with _client(url) as client:
        if csv:
            for text in client.csv(experiment, "curves"):
                typer.echo(text, nl=False)
        else:
            show_scores("curves", client.scores(experiment, "curves"))


@app.command()
def reliability(experiment: int, url: Url = LOCAL) -> None:
    """Show how far the probabilities of each seed's model are calibrated, and the bins behind it."""
    from service.cli.console import show_scores

    with _client(url) as client:
        show_scores("reliability", client.scores(experiment, "reliability"))


@app.command("operating-points")
def operating_points(experiment: int, url: Url = LOCAL) -> None:
    """Show the threshold of each seed's model, if the spec asks for one, and what it gives."""
    from service.cli.console import show_scores

    with _client(url) as client:
        show_scores("operating-points", client.scores(experiment, "operating-points"))


@app.command("test")
def evaluate_on_test_rows(
    experiment: int,
    accept: Annotated[
        list[str] | None,
        typer.Option(
            help="exposed: evaluate although experiments trained or validated on test rows; looked_at: although they "
            "were evaluated before. May be given twice."
        ),
    ] = None,
    url: Url = LOCAL,
) -> None:
    """Evaluate an experiment on its sealed test rows: once, when you have chosen it."""
    from service.cli.console import show_evaluation

    with _client(url) as client:
        show_evaluation(client.test(experiment, accept or []))


@app.command()
def validate(spec: SpecFile, url: Url = LOCAL) -> None:
    """Check a spec without running it: print what it resolves to, or every error in it."""
    from service.cli.console import show_json

    with _client(url) as client:
        show_json(client.validate(_read(spec)))


@app.command()
def datasets(url: Url = LOCAL) -> None:
    """List the data sets that a spec can name."""
    from service.cli.console import show_datasets

    with _client(url) as client:
        show_datasets(client.datasets())


@app.command()
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
    with _client(url) as client:
        found = client.inspect(file, {"name": "inspected", "format": "csv", **given})
    raise typer.Exit(show_inspection(found))


@app.command()
def doctor(data_dir: DataDir = None) -> None:
    """Check the installation: versions, speed, folders and database, and what to fix."""
    from service.cli.console import show_checks
    from service.operations.doctor import run_checks

    raise typer.Exit(show_checks(run_checks(_settings(data_dir=data_dir))))


@app.command()
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

    with _startup_errors_as_messages(), _request_errors_as_messages("of the demo"):
        raise typer.Exit(run_demo(_settings(), data_dir, serve=serve))


@token.command("create")
def create_token(
    name: Annotated[
        str,
        typer.Argument(
            help="The user or program that it is for. Experiments submitted with it belong to this name."
        ),
    ],
    scope: Annotated[
        Literal["read", "submit", "admin"],
        typer.Option(
            help="read; submit: also run experiments and upload data; admin: also delete, and manage webhooks."
        ),
    ] = "submit",
    expires_days: Annotated[float | None, typer.Option(min=0, help="Days until it expires.  [never]")] = None,
    data_dir: DataDir = None,
) -> None:
    """Create a token and print it. It cannot be shown again: only its hash is stored."""
    from service.store.credentials import tokens

    if not TOKEN_NAME.fullmatch(name):
        raise typer.BadParameter(
            "A name has up to 64 letters, digits and . _ @ -, and begins with a letter or a digit."
        )
    with _write_transaction(data_dir) as connection:
        is_first = not tokens.any_exist(connection)
        secret = tokens.create(connection, name, scope, expires_days=expires_days)
    typer.echo(secret)
    if is_first:
        typer.echo(
            "This is the first token: from now on every request needs one, on 127.0.0.1 too. That cannot be undone "
            "for this database.",
            err=True,
        )
    typer.echo("Send it as `Authorization: Bearer ...`; `holdout run` takes it from HOLDOUT_TOKEN.", err=True)


@token.command("list")
def list_tokens(data_dir: DataDir = None) -> None:
    """List all tokens, including expired and revoked ones."""
    from service.cli.console import show_tokens
    from service.store.credentials import tokens

    with _write_transaction(data_dir) as connection:
        show_tokens(tokens.list_all(connection))


@token.command("revoke")
def revoke_token(
    name: Annotated[str, typer.Argument(help="The name of the token.")], data_dir: DataDir = None
) -> None:
    """Revoke a token. It stops working at once, and cannot be restored."""
    from service.store.credentials import tokens

    with _write_transaction(data_dir) as connection:
        tokens.revoke(connection, name)
    typer.echo(f"The token {name} is revoked.")


@contextmanager
def _write_transaction(data_dir: Path | None) -> Iterator["Connection"]:
    """A write transaction on the service's database, migrated to the current schema."""
    from service.operations.database_setup import migrate
    from service.store.database import Database
    from service.store.errors import StoreError

    settings = _settings(data_dir=data_dir)
    with _startup_errors_as_messages():
        migrate(settings)
        database = Database(settings.url)
        try:
            with database.write() as connection:
                yield connection
        except StoreError as error:
            raise _failure(str(error)) from None
        finally:
            database.close()


@contextmanager
def _startup_errors_as_messages() -> Iterator[None]:
    """Print a sentence instead of a traceback when the service cannot start."""
    from sqlalchemy.exc import OperationalError

    from service.settings import UnusableSetting

    try:
        yield
    except UnusableSetting as unusable:
        raise _failure(str(unusable)) from None
    except OperationalError as error:
        raise _failure(f"The database cannot be used: {error.orig}") from None


@contextmanager
def _client(url: str) -> Iterator["Client"]:
    """A client of the service at `url`."""
    from service.cli.client import Client

    with _request_errors_as_messages(f"at {url}"), Client(url) as client:
        yield client


def _field_of_form(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"{text!r} should be NAME=VALUE")
    return name, value


@contextmanager
def _request_errors_as_messages(where: str) -> Iterator[None]:
    """Print a sentence instead of a traceback when the service refuses a request or cannot be reached."""
    import httpx2

    from service.cli.client import RequestRefused

    try:
        yield
    except RequestRefused as refused:
        raise _failure(str(refused)) from None
    except httpx2.ConnectError:
        raise _failure(
            f"No service answers {where}. Start one with: make serve (or: holdout serve)"
        ) from None
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise _failure(
            f"The request to the service {where} failed: {str(error) or type(error).__name__}"
        ) from None


def _failure(message: str) -> typer.Exit:
    """Print a message to standard error. Returns the exit with status 1, to be raised."""
    typer.echo(message, err=True)
    return typer.Exit(1)


def _settings(**options: Any) -> Any:
    """The settings from the environment, overridden by the options that were given."""
    from pydantic import ValidationError

    from service.settings import Settings
    from workers.validation.messages import describe_error

    try:
        return Settings(**{name: value for name, value in options.items() if value is not None})
    except ValidationError as error:
        messages = [
            f"HOLDOUT_{'.'.join(map(str, each['loc'])).upper()}: {describe_error(each)}"
            for each in error.errors()
        ]
        raise _failure("\n".join(messages)) from None


def _read(path: Path) -> str:
    """The text of a file, or of standard input if the path is `-`."""
    if str(path) == "-":
        return typer.get_text_stream("stdin").read()
    if not path.is_file():
        raise typer.BadParameter(f"{path} is not a file")
    return path.read_text()
