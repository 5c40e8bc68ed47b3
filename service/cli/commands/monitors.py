"""Commands of monitors: `holdout monitor create`, `add`, `show`, `list` and `delete`."""

from typing import Annotated

import typer

from service.cli.commands.answers import print_answer
from service.cli.commands.messages import client_of
from service.cli.commands.options import LOCAL, STANDARD_INPUT, Json, RowsFile, Url, open_file

monitor = typer.Typer(help="Watch whether the rows that a model is sent have shifted, batch by batch.")
Monitor = Annotated[int, typer.Argument(help="The number of the monitor.")]


@monitor.command()
def create(
    experiment: int,
    name: str,
    alpha: Annotated[
        float, typer.Option(help="The probability of any alarm in its whole life if nothing shifts.")
    ] = 0.05,
    detector: Annotated[
        list[str] | None,
        typer.Option(help="outputs, classes, mmd, classifier or features. May be repeated; by default all."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="By default the first run that has a model.")] = None,
    repeat: Annotated[int | None, typer.Option(help="Of a cross-validation.")] = None,
    fold: Annotated[int | None, typer.Option(help="Of a cross-validation.")] = None,
    json: Json = False,
    url: Url = LOCAL,
) -> None:
    """Add a monitor to an experiment."""
    from service.cli.monitor_report import show_monitor

    given = {"alpha": alpha, "detectors": detector, "seed": seed, "repeat": repeat, "fold": fold}
    with client_of(url) as client:
        print_answer(client.create_monitor(experiment, name, **given), show_monitor, as_json=json)


@monitor.command()
def add(
    monitor: Monitor,
    file: RowsFile,
    name: Annotated[
        str | None, typer.Option(help="Under which the same file is tested once; by default its own name.")
    ] = None,
    label: Annotated[str | None, typer.Option(help="The column with the labels, if they are known.")] = None,
    json: Json = False,
    url: Url = LOCAL,
) -> None:
    """Test a batch of new rows. The exit status is 1 if it raises an alarm."""
    from service.cli.monitor_report import show_batch

    if name is None and file == STANDARD_INPUT:
        raise typer.BadParameter("Standard input has no name: give the batch one with --name.")
    fields = {"format": "npz" if file.suffix == ".npz" else "csv"} | ({"label": label} if label else {})
    with client_of(url) as client, open_file(file) as content:
        found = client.add_batch(monitor, content, fields, name or file.name)
    print_answer(found, show_batch, as_json=json)
    raise typer.Exit(1 if found["alarms"] else 0)


@monitor.command()
def show(
    monitor: Monitor,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The largest number of batches.")] = 20,
    json: Json = False,
    url: Url = LOCAL,
) -> None:
    """Show a monitor and its latest batches."""
    from service.cli.monitor_report import show_history

    with client_of(url) as client:
        found = {"monitor": client.monitor(monitor), **client.batches(monitor, limit=limit)}
    print_answer(found, show_history, as_json=json)


@monitor.command("list")
def list_all(
    experiment: Annotated[int | None, typer.Option(help="Those of one experiment.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The largest number of monitors.")] = 100,
    json: Json = False,
    url: Url = LOCAL,
) -> None:
    """List the monitors, newest first."""
    from service.cli.monitor_report import show_monitors

    with client_of(url) as client:
        found = client.monitors(experiment_id=experiment, limit=limit)
    print_answer(found, show_monitors, as_json=json)


@monitor.command()
def delete(monitor: Monitor, url: Url = LOCAL) -> None:
    """Delete a monitor with what it has found."""
    with client_of(url) as client:
        client.delete_monitor(monitor)
