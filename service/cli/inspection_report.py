"""The report of an inspection: the columns of a table as they would be taken, and the doubts about them."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

EPOCH = date(1970, 1, 1)


def print_inspection(console: Console, found: dict[str, Any]) -> None:
    """Print the columns, one per line, then the questions and the warnings."""
    table = found["table"]
    if table is None:
        console.print(
            f"{found['format']} holds no table: {found['rows']:,} rows, {found['features']:,} features."
        )
        return
    columns = Table("column", "kind", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("missing", "distinct"):
        columns.add_column(name, justify="right")
    columns.add_column("values")
    for each in table["columns"]:
        figures = f"{each['missing']:.1%}", f"{each['distinct']:,}"
        columns.add_row(*map(Text, (each["name"], each["kind"], *figures, _values(each))))
    console.print(columns)
    console.print(f"{found['rows']:,} rows; {table['task']} of {table['label']!r}", soft_wrap=True)
    for is_question, heading in ((True, "Questions"), (False, "Warnings")):
        doubts = [each for each in table["warnings"] if each["blocking"] == is_question]
        print_doubts(console, heading, doubts)


def print_doubts(console: Console, heading: str, doubts: Sequence[dict[str, Any]]) -> None:
    """Print questions or warnings about a table, one per line, if there are any."""
    if doubts:
        console.print(Text(heading, "bold"))
    for each in doubts:
        console.print(Text(f"  {each['code']}: {each['message']}"), soft_wrap=True)


def _values(column: dict[str, Any]) -> str:
    """The range of a column, or its most frequent texts."""
    if column["kind"] == "date" and column["low"] is not None:
        return " to ".join(str(EPOCH + timedelta(days=int(column[end]))) for end in ("low", "high"))
    if column["low"] is not None:
        return f"{column['low']:g} to {column['high']:g}"
    return ", ".join(f"{each['value'][:20]} ({each['rows']:,})" for each in column["top"][:3])
