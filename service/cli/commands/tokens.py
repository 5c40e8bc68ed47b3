"""Commands that create, list and revoke access tokens, in the database itself."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from service.cli.commands.messages import failure, settings_of, startup_errors_as_messages
from service.cli.commands.options import DataDir

if TYPE_CHECKING:
    from sqlalchemy import Connection

token = typer.Typer(help="Create, list and revoke access tokens.")
TOKEN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


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
        existing = tokens.list_all(connection)
    if existing:
        show_tokens(existing)
    else:
        typer.echo("There is no token yet. `holdout token create NAME` makes the first.", err=True)


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

    settings = settings_of(data_dir=data_dir)
    with startup_errors_as_messages():
        migrate(settings)
        database = Database(settings.url)
        try:
            with database.write() as connection:
                yield connection
        except StoreError as error:
            raise failure(str(error)) from None
        finally:
            database.close()
