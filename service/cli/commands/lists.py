"""Commands that list: experiments, and what a spec can name."""

from functools import partial
from typing import Annotated

import typer

from service.cli.commands.answers import print_answer
from service.cli.commands.messages import client_of
from service.cli.commands.options import LOCAL, Json, Url

commands = typer.Typer()


@commands.command("list")
def list_experiments(
    sort: Annotated[
        str | None,
        typer.Option(help="A metric, such as -balanced_accuracy: the largest first.  [newest first]"),
    ] = None,
    where: Annotated[
        str | None, typer.Option(help="Conditions, such as 'accuracy>0.9,spec.optimizer.name=adam'.")
    ] = None,
    fields: Annotated[str | None, typer.Option(help="Metrics to print, separated by commas.")] = None,
    status: Annotated[
        str | None, typer.Option(help="queued, running, succeeded, failed or cancelled.")
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="The name of a data set.")] = None,
    tag: Annotated[str | None, typer.Option(help="A tag.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The largest number of experiments.")] = 20,
    ids: Annotated[
        bool, typer.Option("--ids", help="Print the numbers only, as other commands take them.")
    ] = False,
    json: Json = False,
    url: Url = LOCAL,
) -> None:
    """List experiments, the newest first or ranked by a metric."""
    from service.cli.list_report import show_experiments
    from service.cli.terminal import terminal

    query = {"sort": sort, "where": where, "fields": fields, "status": status, "dataset": dataset, "tag": tag}
    with client_of(url) as client:
        page = client.experiments(**query, limit=limit)
    if ids:
        typer.echo("".join(f"{each['id']}\n" for each in page["items"]), nl=False)
        return
    print_answer(page, partial(show_experiments, terminal()), as_json=json)


@commands.command()
def catalog(
    kind: Annotated[
        str | None, typer.Argument(help="Only this kind, such as losses.  [all]", show_default=False)
    ] = None,
    json: Json = False,
    url: Url = LOCAL,
) -> None:
    """List what a spec can name: losses, optimizers, balancing and so on."""
    from service.cli.list_report import show_catalog
    from service.cli.terminal import terminal

    with client_of(url) as client:
        found = client.catalog()
    if kind is not None:
        if kind not in found:
            raise typer.BadParameter(f"{kind!r} should be one of {', '.join(found)}")
        found = {kind: found[kind]}
    print_answer(found, partial(show_catalog, terminal()), as_json=json)
