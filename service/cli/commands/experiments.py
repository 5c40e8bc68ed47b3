"""Commands that submit experiments, follow them, stop them, and take them along."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from service.cli.commands.answers import print_answer
from service.cli.commands.messages import client_of
from service.cli.commands.options import LOCAL, Json, SpecFile, Url, file_to_write, read_text

commands = typer.Typer()


@commands.command()
def run(spec: SpecFile, url: Url = LOCAL) -> None:
    """Submit an experiment and follow it until it is finished."""
    from service.cli.console import follow

    with client_of(url) as client:
        accepted = client.submit(read_text(spec))
        raise typer.Exit(follow(client, [accepted["id"]]))


@commands.command()
def watch(experiments: list[int], url: Url = LOCAL) -> None:
    """Follow experiments that were already submitted."""
    from service.cli.console import follow

    with client_of(url) as client:
        raise typer.Exit(follow(client, experiments))


@commands.command()
def validate(spec: SpecFile, url: Url = LOCAL) -> None:
    """Check a spec without running it: print what it resolves to, or every error in it."""
    from service.cli.console import show_json

    with client_of(url) as client:
        show_json(client.validate(read_text(spec)))


@commands.command()
def cancel(
    numbers: Annotated[list[int], typer.Argument(help="The experiments, or with --sweep the sweeps.")],
    sweep: Annotated[bool, typer.Option("--sweep", help="Cancel sweeps, with all their candidates.")] = False,
    json: Json = False,
    url: Url = LOCAL,
) -> None:
    """Stop experiments or sweeps. What they have stored is kept."""
    with client_of(url) as client:
        stop = client.cancel_sweep if sweep else client.cancel
        for number in numbers:
            sentence = f"{'Sweep' if sweep else 'Experiment'} {number} is being cancelled."
            print_answer(stop(number), partial(_say, sentence), as_json=json)


@commands.command()
def export(
    experiment: int,
    file: Annotated[
        Path | None, typer.Argument(help="The zip file to write.  [experiment-N.zip]", show_default=False)
    ] = None,
    json: Json = False,
    url: Url = LOCAL,
) -> None:
    """Write a zip file with all that is needed to repeat an experiment: spec, metrics, weights, versions."""
    path = file or Path(f"experiment-{experiment}.zip")
    with client_of(url) as client:
        client.experiment(experiment)  # an unknown one leaves no empty file
        with file_to_write(path) as content:
            client.bundle(experiment, content)
    written = {"experiment": experiment, "file": str(path), "bytes": path.stat().st_size}
    print_answer(written, lambda each: typer.echo(f"{path}: {each['bytes']:,} bytes"), as_json=json)


@commands.command("open")
def open_page(
    experiment: Annotated[
        int | None, typer.Argument(help="An experiment.  [the list]", show_default=False)
    ] = None,
    sweep: Annotated[int | None, typer.Option(help="A sweep.")] = None,
    print_only: Annotated[bool, typer.Option("--print", help="Print the address, and open nothing.")] = False,
    json: Json = False,
    url: Url = LOCAL,
) -> None:
    """Open the page of an experiment or a sweep in a browser, and print its address."""
    below = f"/sweeps/{sweep}" if sweep is not None else "/experiments"
    below += f"/{experiment}" if experiment is not None and sweep is None else ""
    address = f"{url.rstrip('/')}/ui{below}"
    print_answer({"url": address}, lambda each: typer.echo(each["url"]), as_json=json)
    if not print_only and not json:
        typer.launch(address)


def _say(sentence: str, _answer: object) -> None:
    typer.echo(sentence)
