"""The commands of `holdout`, by subject. Each imports what it needs when it runs, so that `--help` is instant."""

import os
from importlib.metadata import version
from typing import Annotated

import typer

from service.cli.commands import checks, data, experiments, lists, monitors, results, serving, sweeps, tokens
from workers import blas

app = typer.Typer(
    name="holdout",
    help="Train classifications and regressions from JSON specs, as a service. Every figure has an interval, and a "
    "baseline beside it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for subject in (serving, experiments, sweeps, lists, results, data, checks):
    app.add_typer(subject.commands)
app.add_typer(monitors.monitor, name="monitor", no_args_is_help=True)
app.add_typer(tokens.token, name="token", no_args_is_help=True)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"holdout {version('holdout')}")
        raise typer.Exit


@app.callback()
def main(
    _version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version),
    ] = False,
) -> None:
    """Configure BLAS before anything imports NumPy."""
    blas.configure(os.environ)
