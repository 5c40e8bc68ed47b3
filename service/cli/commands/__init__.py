"""The commands of `holdout`, by subject. Each imports what it needs when it runs, so that `--help` is instant."""

import os

import typer

from service.cli.commands import checks, data, experiments, results, serving, tokens
from workers import blas

app = typer.Typer(
    name="holdout",
    help="Train classifiers from JSON specs, as a service, and see every accuracy beside baselines and intervals.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for subject in (serving, experiments, results, data, checks):
    app.add_typer(subject.commands)
app.add_typer(tokens.token, name="token", no_args_is_help=True)


@app.callback()
def main() -> None:
    """Configure BLAS before anything imports NumPy."""
    blas.configure(os.environ)
