"""Commands that submit sweeps, follow them, and rank their candidates."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.commands.answers import print_answer
from service.cli.commands.messages import client_of
from service.cli.commands.options import LOCAL, Json, Url, file_argument, read_text

if TYPE_CHECKING:
    from service.client.api import Api

commands = typer.Typer()

Metric = Annotated[
    str | None, typer.Option(help="By default the one that selects the epochs of the base spec.")
]
Limit = Annotated[int, typer.Option(min=1, help="The largest number of candidates to print.")]
INTERRUPTED = 130


@commands.command()
def sweep(
    space: Annotated[Path, file_argument("A JSON file with the base spec and the space")],
    watch: Annotated[
        bool, typer.Option("--watch", help="Follow it to its end, and print the leaderboard.")
    ] = False,
    limit: Limit = 20,
    json: Json = False,
    url: Url = LOCAL,
) -> None:
    """Submit a sweep: an experiment for each candidate of a space."""
    with client_of(url) as client:
        accepted = client.submit_sweep(read_text(space))
        if watch:
            raise typer.Exit(_follow(client, accepted["id"], None, limit, as_json=json))
        sentence = (
            f"Sweep {accepted['id']} has {accepted['candidates']:,} candidates, {accepted['runs']:,} runs. "
            f"Follow it with: holdout leaderboard --watch {accepted['id']}"
        )
        print_answer(accepted, lambda _: typer.echo(sentence), as_json=json)


@commands.command()
def leaderboard(
    sweep: int,
    metric: Metric = None,
    watch: Annotated[bool, typer.Option("--watch", help="First follow the sweep to its end.")] = False,
    limit: Limit = 20,
    json: Json = False,
    url: Url = LOCAL,
) -> None:
    """Rank the candidates of a sweep, and mark those that cannot be told from the best."""
    with client_of(url) as client:
        if watch:
            raise typer.Exit(_follow(client, sweep, metric, limit, as_json=json))
        _show(client.leaderboard(sweep, metric), limit, as_json=json)


def _follow(client: "Api", sweep_id: int, metric: str | None, limit: int, *, as_json: bool) -> int:
    """Show the progress of a sweep, then its leaderboard. Returns the exit status."""
    from rich.console import Console

    from service.cli.progress import watch
    from service.cli.terminal import terminal

    console = Console(stderr=True) if as_json else terminal()
    try:
        (ended,) = watch(console, client.sweep, [sweep_id])
    except KeyboardInterrupt:
        console.print(
            f"Interrupted. The sweep goes on. To follow it again: holdout leaderboard --watch {sweep_id}"
        )
        return INTERRUPTED
    _show(client.leaderboard(sweep_id, metric), limit, as_json=as_json)
    return 0 if ended["status"] == "succeeded" else 1


def _show(leaderboard: dict[str, Any], limit: int, *, as_json: bool) -> None:
    from service.cli.leaderboard_report import show_leaderboard
    from service.cli.terminal import terminal

    print_answer(leaderboard, lambda each: show_leaderboard(terminal(), each, limit), as_json=as_json)
