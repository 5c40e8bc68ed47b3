"""Renders the templates. Every value is escaped; addresses are relative, so pages work below any path prefix."""

import hashlib
import json
from datetime import datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from service.http.conditional import matches, not_modified
from workers.evaluation.metrics.titles import heading, in_words
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


@cache
def environment() -> Environment:
    """The templates, compiled once."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
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
        "pretty": pretty,
        "plain": value_text,
    }
    made.globals["version"] = version("holdout")
    return made


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page as a response. The client that has the same page already gets 304."""
    root = "../" * (request.url.path.count("/") - 1)
    caller = request.scope["state"].get("caller")
    content = (
        environment().get_template(template).render(root=root, caller=caller, path=request.url.path, **values)
    )
    etag = hashlib.blake2b(content.encode(), digest_size=12).hexdigest()
    headers = HEADERS | {"ETag": f'W/"{etag}"'}
    if status == 200 and request.method == "GET" and matches(request.headers.get("if-none-match", ""), etag):
        return not_modified(headers)  # type: ignore[return-value]
    return HTMLResponse(content, status, headers)


def figure(value: float | None) -> str:
    """A metric to three decimals."""
    if value is None:
        return NONE
    return f"{value:,.3f}" if abs(value) < 1e6 else f"{value:.3g}"


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
    if seconds is None:
        return NONE
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def pretty(value: Any) -> str:
    """JSON as text."""
    return json.dumps(value, indent=2, ensure_ascii=False)
