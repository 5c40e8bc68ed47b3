"""What objects show in Jupyter: small pieces of HTML, in which every text is escaped."""

import base64
from collections.abc import Collection, Sequence
from html import escape
from typing import Any


def table(names: Sequence[str], rows: Sequence[Sequence[Any]], bold: Collection[int] = ()) -> str:
    """A table. bold: the numbers of the rows that stand out."""
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = []
    for number, row in enumerate(rows):
        style = ' style="font-weight: bold"' if number in bold else ""
        body.append(f"<tr{style}>" + "".join(f"<td>{escape(cell(value))}</td>" for value in row) + "</tr>")
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def paragraph(text: str) -> str:
    """A paragraph."""
    return f"<p>{escape(text)}</p>"


def image(content: str | bytes, description: str) -> str:
    """A picture in SVG or PNG. As an image, nothing in it is carried out."""
    kind, data = ("svg+xml", content.encode()) if isinstance(content, str) else ("png", content)
    address = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    return f'<img src="{address}" alt="{escape(description)}">'


def cell(value: Any) -> str:
    """A value as a cell shows it."""
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
