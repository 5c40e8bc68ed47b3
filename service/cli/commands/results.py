"""Commands that show what experiments have measured."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from service.cli.commands.answers import json_lines, print_answer
from service.cli.commands.messages import client_of
from service.cli.commands.options import LOCAL, Json, RowsFile, Url, file_argument, open_file

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
    json: Json = False,
    url: Url = LOCAL,
) -> None:
    """Compare experiments: which is better, how certain that is, and of what."""
    from service.cli.console import show_comparison

    with client_of(url) as client:
        print_answer(client.compare(experiments, metric, reference), show_comparison, as_json=json)


@commands.command()
def errors(
    experiment: int,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The largest number of rows.")] = 20,
    json: Json = False,
    url: Url = LOCAL,
) -> None:
    """List the validation rows that most seeds of an experiment get wrong."""
    from service.cli.console import show_errors

    with client_of(url) as client:
        print_answer(client.errors(experiment, limit=limit), show_errors, as_json=json)


@commands.command()
def predictions(experiment: int, url: Url = LOCAL) -> None:
    """Print what each seed of an experiment predicted for each validation row, as CSV."""
    with client_of(url) as client:
        for text in client.predictions(experiment):
            typer.echo(text, nl=False)


@commands.command()
def predict(
    experiment: int,
    rows: Annotated[Path, file_argument("A CSV file whose first line names the columns")],
    seed: Annotated[int | None, typer.Option(help="By default the first run that has a model.")] = None,
    repeat: Annotated[int | None, typer.Option(help="Of a cross-validation.")] = None,
    fold: Annotated[int | None, typer.Option(help="Of a cross-validation.")] = None,
    json: Json = False,
    url: Url = LOCAL,
) -> None:
    """Predict the rows of a CSV file with an experiment's model, and print the predictions as CSV or JSON lines."""
    given = {"seed": seed, "repeat": repeat, "fold": fold}
    query = {name: value for name, value in given.items() if value is not None}
    with client_of(url) as client, open_file(rows) as content:
        texts = client.predict(experiment, content, query)
        for text in json_lines(texts) if json else texts:
            typer.echo(text, nl=False)


@commands.command()
def curves(
    experiment: int,
    csv: Annotated[bool, typer.Option("--csv", help="Print the points of both curves as CSV.")] = False,
    json: Json = False,
    url: Url = LOCAL,
) -> None:
    """Show the areas under the ROC and precision-recall curves of each seed; two classes."""
    from service.cli.console import show_scores

    with client_of(url) as client:
        if csv:
            for text in client.csv(experiment, "curves"):
                typer.echo(text, nl=False)
        else:
            print_answer(client.scores(experiment, "curves"), partial(show_scores, "curves"), as_json=json)


@commands.command()
def reliability(experiment: int, json: Json = False, url: Url = LOCAL) -> None:
    """Show how far the probabilities of each seed's model are calibrated, and the bins behind it."""
    from service.cli.console import show_scores

    with client_of(url) as client:
        answer = client.scores(experiment, "reliability")
        print_answer(answer, partial(show_scores, "reliability"), as_json=json)


@commands.command()
def importance(
    experiment: int,
    csv: Annotated[bool, typer.Option("--csv", help="Print the columns as CSV.")] = False,
    json: Json = False,
    url: Url = LOCAL,
) -> None:
    """Show how much each column matters to an experiment's models, by permutation."""
    from service.cli.console import show_scores

    with client_of(url) as client:
        if csv:
            for text in client.csv(experiment, "importance"):
                typer.echo(text, nl=False)
        else:
            print_answer(
                client.scores(experiment, "importance"), partial(show_scores, "importance"), as_json=json
            )


@commands.command()
def shift(
    experiment: int,
    file: RowsFile,
    label: Annotated[str | None, typer.Option(help="The column with the labels, if they are known.")] = None,
    json: Json = False,
    url: Url = LOCAL,
) -> None:
    """Compare new rows with the validation rows of an experiment: what moved, and what the model is worth there."""
    from service.cli.console import show_shift

    with client_of(url) as client:
        fields = {"format": "npz" if file.suffix == ".npz" else "csv"} | ({"label": label} if label else {})
        with open_file(file) as content:
            print_answer(client.shift(experiment, content, fields), show_shift, as_json=json)


@commands.command()
def robustness(
    experiment: int,
    csv: Annotated[bool, typer.Option("--csv", help="Print every corruption and severity as CSV.")] = False,
    json: Json = False,
    url: Url = LOCAL,
) -> None:
    """Measure how much worse an experiment's models become on corrupted rows."""
    from rich.console import Console

    from service.cli.console import show_robustness
    from service.cli.robustness_progress import wait_for_robustness

    with client_of(url) as client:
        found = wait_for_robustness(Console(stderr=True), client, experiment)
        if found is None:
            raise typer.Exit(1)
        if csv:
            for text in client.csv(experiment, "robustness"):
                typer.echo(text, nl=False)
        else:
            print_answer(found, show_robustness, as_json=json)


@commands.command("operating-points")
def operating_points(experiment: int, json: Json = False, url: Url = LOCAL) -> None:
    """Show the threshold of each seed's model, if the spec asks for one, and what it gives."""
    from service.cli.console import show_scores

    with client_of(url) as client:
        answer = client.scores(experiment, "operating-points")
        print_answer(answer, partial(show_scores, "operating-points"), as_json=json)


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
    json: Json = False,
    url: Url = LOCAL,
) -> None:
    """Evaluate an experiment on its sealed test rows: once, when you have chosen it."""
    from service.cli.console import show_evaluation

    with client_of(url) as client:
        found = client.test(experiment, accept or [])
        print_answer(found, partial(show_evaluation, asked=experiment), as_json=json)
