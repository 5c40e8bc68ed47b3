"""Renders the templates. Every value is escaped; addresses are relative, so pages work below any path prefix."""

import hashlib
import json
import math
import sys
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemBytecodeCache, FileSystemLoader, StrictUndefined
from jinja2.bccache import Bucket

from service.figure_text import duration_text, figure_text
from service.http.conditional import matches, not_modified
from workers.evaluation.metrics.titles import heading, in_words
from workers.range_text import range_text
from workers.sweeps.ranges import value_text

TEMPLATES = Path(__file__).with_name("templates")
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",  # a chart that has changed is shown from a blob: URL
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Cache-Control": "private, no-cache",
    "Content-Security-Policy": POLICY,
    # With no-referrer, browsers would send `Origin: null` with forms, and plain HTTP has no other sign of the origin.
    "Referrer-Policy": "same-origin",
}
NONE = "–"
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class CompiledTemplates(FileSystemBytecodeCache):
    """Keeps compiled templates beside their sources, as Python does its modules, if it may write there.

    To compile those of the list takes longer than to render them a hundred times. A template that was changed is
    compiled again.
    """

    def __init__(self, folder: Path = TEMPLATES / "__pycache__") -> None:
        super().__init__(str(folder))
        self._folder = folder

    def load_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            super().load_bytecode(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        if not sys.dont_write_bytecode:
            with suppress(OSError):
                self._folder.mkdir(exist_ok=True)
                super().dump_bytecode(bucket)


@cache
def environment() -> Environment:
    """The templates, compiled once."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        bytecode_cache=CompiledTemplates(),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "figure": figure,
        "words": words,
        "heading": heading,
        "moment": moment,
        "duration": duration,
        "p": p_value,
        "p_in_text": p_in_text,
        "evidence": evidence,
        "share": share,
        "day": day,
        "pretty": pretty,
        "plain": value_text,
        "range": range_text,
    }
    made.globals["version"] = version("holdout")
    return made


def page(
    request: Request, template: str, status: int = 200, *, etag: str | None = None, **values: Any
) -> HTMLResponse:
    """A page as a response. The client that has the same page already gets 304.

    etag: that of what the page is made of; by default one of its text.
    """
    root = "../" * (request.url.path.count("/") - 1)
    caller = request.scope["state"].get("caller")
    content = (
        environment().get_template(template).render(root=root, caller=caller, path=request.url.path, **values)
    )
    etag = etag or f'W/"{hashlib.blake2b(content.encode(), digest_size=12).hexdigest()}"'
    headers = HEADERS | {"ETag": etag}
    if status == 200 and request.method == "GET" and matches(request.headers.get("if-none-match", ""), etag):
        return not_modified(headers)  # type: ignore[return-value]
    return HTMLResponse(content, status, headers)


def figure(value: float | None) -> str:
    """A metric to three decimals."""
    return NONE if value is None else figure_text(value)


def words(name: str | None) -> str:
    """`balanced_accuracy` as words."""
    return in_words(name or NONE)


def moment(text: str | None) -> str:
    """A time of the API, to the second."""
    if text is None:
        return NONE
    return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M:%S UTC")


def duration(seconds: float | None) -> str:
    """Seconds as people say them."""
    return NONE if seconds is None else duration_text(seconds)


def p_value(value: float | None) -> str:
    """A p-value to four decimals, of which none is 0."""
    if value is None:
        return NONE
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"


def p_in_text(value: float | None) -> str:
    """`p = 0.0231`, or `p < 0.0001`."""
    shown = p_value(value)
    return f"p {shown}" if shown.startswith("<") else f"p = {shown}"


def evidence(value: float) -> str:
    """A product of e-values, which may be very large or very small: `4.0 × 10¹¹`."""
    if value == 0 or 0.001 <= value < 1e5:
        return f"{value:.3f}" if value < 10 else f"{value:,.1f}"
    if not math.isfinite(value):
        return "∞"
    mantissa, _, exponent = f"{value:.1e}".partition("e")
    return f"{mantissa} × 10{str(int(exponent)).translate(SUPERSCRIPTS)}"


def share(value: float | None) -> str:
    """A share as a percentage."""
    return NONE if value is None else f"{100 * value:.1f} %"


def day(days: float) -> str:
    """A date from the days since 1970-01-01, with its time of day if it has one."""
    try:
        found = datetime(1970, 1, 1) + timedelta(days=days)
    except OverflowError:
        return f"{days:g}"
    return found.date().isoformat() if days == int(days) else found.isoformat(" ", "minutes")


def pretty(value: Any) -> str:
    """JSON as text."""
    return json.dumps(value, indent=2, ensure_ascii=False)
