"""Commands that show what experiments have measured."""

from pathlib import Path
from typing import Annotated

import typer

from service.cli.commands.messages import client_of
from service.cli.commands.options import LOCAL, Url

commands = typer.Typer()


@commands.command()
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

    with client_of(url) as client:
        show_comparison(client.compare(experiments, metric, reference))


@commands.command()
def errors(
    experiment: int,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The largest number of rows.")] = 20,
    url: Url = LOCAL,
) -> None:
    """List the validation rows that most seeds of an experiment get wrong."""
    from service.cli.console import show_errors

    with client_of(url) as client:
        show_errors(client.errors(experiment, limit=limit))


@commands.command()
def predictions(experiment: int, url: Url = LOCAL) -> None:
    """Print what each seed of an experiment predicted for each validation row, as CSV."""
    with client_of(url) as client:
        for text in client.predictions(experiment):
            typer.echo(text, nl=False)


@commands.command()
def predict(
    experiment: int,
    rows: Annotated[
        typer.FileBinaryRead,
        typer.Argument(help="A CSV file whose first line names the columns; - reads the standard input."),
    ],
    seed: Annotated[int | None, typer.Option(help="By default the first run that has a model.")] = None,
    repeat: Annotated[int | None, typer.Option(help="Of a cross-validation.")] = None,
    fold: Annotated[int | None, typer.Option(help="Of a cross-validation.")] = None,
    url: Url = LOCAL,
) -> None:
    """Predict the rows of a CSV file with an experiment's model, and print the predictions as CSV."""
    given = {"seed": seed, "repeat": repeat, "fold": fold}
    query = {name: value for name, value in given.items() if value is not None}
    with client_of(url) as client:
        for text in client.predict(experiment, rows, query):
            typer.echo(text, nl=False)


@commands.command()
def curves(
    experiment: int,
    csv: Annotated[bool, typer.Option("--csv", help="Print the points of both curves as CSV.")] = False,
    url: Url = LOCAL,
) -> None:
    """Show the areas under the ROC and precision-recall curves of each seed; two classes."""
    from service.cli.console import show_scores

    with client_of(url) as client:
        if csv:
            for text in client.csv(experiment, "curves"):
                typer.echo(text, nl=False)
        else:
            show_scores("curves", client.scores(experiment, "curves"))


@commands.command()
def reliability(experiment: int, url: Url = LOCAL) -> None:
    """Show how far the probabilities of each seed's model are calibrated, and the bins behind it."""
    from service.cli.console import show_scores

    with client_of(url) as client:
        show_scores("reliability", client.scores(experiment, "reliability"))


@commands.command()
def importance(
    experiment: int,
    csv: Annotated[bool, typer.Option("--csv", help="Print the columns as CSV.")] = False,
    url: Url = LOCAL,
) -> None:
    """Show how much each column matters to an experiment's models, by permutation."""
    from service.cli.console import show_scores

    with client_of(url) as client:
        if csv:
            for text in client.csv(experiment, "importance"):
                typer.echo(text, nl=False)
        else:
            show_scores("importance", client.scores(experiment, "importance"))


@commands.command()
def shift(
    experiment: int,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Rows as CSV, or as NPZ.")],
    label: Annotated[str | None, typer.Option(help="The column with the labels, if they are known.")] = None,
    url: Url = LOCAL,
) -> None:
    """Compare new rows with the validation rows of an experiment: what moved, and what the model is worth there."""
    from service.cli.console import show_shift

    with client_of(url) as client:
        show_shift(client.shift(experiment, file, label))


@commands.command("operating-points")
def operating_points(experiment: int, url: Url = LOCAL) -> None:
    """Show the threshold of each seed's model, if the spec asks for one, and what it gives."""
    from service.cli.console import show_scores

    with client_of(url) as client:
        show_scores("operating-points", client.scores(experiment, "operating-points"))


@commands.command("test")
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

    with client_of(url) as client:
        show_evaluation(client.test(experiment, accept or []))
