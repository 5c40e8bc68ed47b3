"""Errors as sentences on standard error instead of tracebacks, with the exit status 1."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from service.client.api import Api


UNAUTHORIZED = 401


@contextmanager
def client_of(url: str) -> Iterator["Api"]:
    """A client of the service at `url`."""
    from service.client.api import Api

    with request_errors_as_messages(f"at {url}"), Api(url) as client:
        yield client


@contextmanager
def request_errors_as_messages(where: str) -> Iterator[None]:
    """Print a sentence instead of a traceback when the service refuses a request or cannot be reached."""
    import httpx2

    from service.client.connection import RequestRefused

    try:
        yield
    except RequestRefused as refused:
        hint = (
            "\nThe command line takes the token from HOLDOUT_TOKEN." if refused.status == UNAUTHORIZED else ""
        )
        raise failure(f"{refused}{hint}") from None
    except BrokenPipeError:  # Typer ends the command in silence: `holdout predictions 1 | head`
        raise
    except OSError as error:
        raise failure(f"{error.filename or 'The output'} cannot be used: {error.strerror}.") from None
    except httpx2.ConnectError:
        start = "Start one with: make serve (or: holdout serve). If one runs elsewhere, set HOLDOUT_URL."
        raise failure(f"No service answers {where}. {start}") from None
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise failure(
            f"The request to the service {where} failed: {str(error) or type(error).__name__}"
        ) from None


@contextmanager
def startup_errors_as_messages() -> Iterator[None]:
    """Print a sentence instead of a traceback when the service cannot start."""
    from sqlalchemy.exc import OperationalError

    from service.settings import UnusableSetting

    try:
        yield
    except UnusableSetting as unusable:
        raise failure(str(unusable)) from None
    except OperationalError as error:
        raise failure(f"The database cannot be used: {error.orig}") from None


def settings_of(**options: Any) -> Any:
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
        raise failure("\n".join(messages)) from None


def failure(message: str) -> typer.Exit:
    """Print a message to standard error. Returns the exit with status 1, to be raised."""
    typer.echo(message, err=True)
    return typer.Exit(1)
