"""The headers of the OpenAPI document: which an answer carries, always (`required`) or where there is cause.

Every answer has an `X-Request-Id` and the headers of `service.api.transport.middleware` besides.
"""

from collections.abc import Iterable, Mapping
from typing import Any

Header = dict[str, Any]
TEXT, SECONDS = {"type": "string"}, {"type": "integer", "minimum": 0}

DESCRIBED: dict[str, Header] = {
    "ETag": {"description": "Send it back as If-None-Match.", "schema": TEXT},
    "Cache-Control": {"description": "Whether the answer may be stored.", "schema": TEXT},
    "Vary": {"description": "Accept, where it chose the format.", "schema": TEXT},
    "Link": {"description": "Where the rows go on, as in `next`.", "schema": TEXT},
    "Location": {"description": "Where to read on.", "schema": TEXT},
    "Retry-After": {"description": "Seconds to wait before the next try.", "schema": SECONDS},
    "Content-Disposition": {"description": "The name of the file.", "schema": TEXT},
    "X-Accel-Buffering": {"description": "no: a proxy passes each event on at once.", "schema": TEXT},
    "WWW-Authenticate": {"description": "What kind of token is needed (RFC 6750).", "schema": TEXT},
    "RateLimit": {"description": "How many requests are left, and until when.", "schema": TEXT},
    "RateLimit-Policy": {"description": "How many requests in how many seconds.", "schema": TEXT},
}
ALWAYS: dict[str, dict[str, tuple[str, ...]]] = {
    "submit_experiment": {"202": ("Location", "Retry-After")},
    "upload_dataset": {"200": ("Location",), "201": ("Location",)},
    "create_webhook": {"201": ("Location",)},
    "read_weights": {"200": ("Content-Disposition",)},
    "read_bundle": {"200": ("Content-Disposition",)},
    "stream_events": {"200": ("Cache-Control", "X-Accel-Buffering")},
}
"""By the name of the operation and the status."""
PAGES = ("list_experiments", "read_metrics", "read_classes", "read_epochs")
"""Their answers say in a header where they go on."""
TABLE = "text/csv"
TAGGED = ("ETag", "Cache-Control")


def add(operations: Mapping[str, dict[str, Any]], of_problems: Mapping[str, frozenset[str]]) -> None:
    """Add the headers to the operations of a document; `of_problems` has those of each kind of problem."""
    for name, operation in operations.items():
        responses = operation["responses"]
        for status, headers in ALWAYS.get(name, {}).items():
            _declare(responses[status], always=headers)
        if "304" in responses:
            _add_to_tagged(responses)
        if name in PAGES:
            _declare(responses["200"], sometimes=("Link",))
        for response in responses.values():
            _add_to_problems(response, of_problems)


def _add_to_tagged(responses: Mapping[str, dict[str, Any]]) -> None:
    has_formats = TABLE in responses["200"]["content"]
    for status in ("200", "304"):
        _declare(responses[status], always=TAGGED, sometimes=("Vary",) if has_formats else ())


def _add_to_problems(response: dict[str, Any], of_problems: Mapping[str, frozenset[str]]) -> None:
    """Those that every kind of problem with this status carries are always there."""
    shown = response.get("content", {}).get("application/problem+json", {}).get("examples", {})
    found = [of_problems[kind] for kind in shown]
    if found:
        always = frozenset.intersection(*found)
        _declare(response, always=always, sometimes=frozenset.union(*found) - always)


def _declare(response: dict[str, Any], *, always: Iterable[str] = (), sometimes: Iterable[str] = ()) -> None:
    declared = {name: DESCRIBED[name] | {"required": True} for name in sorted(always)}
    declared |= {name: DESCRIBED[name] for name in sorted(sometimes)}
    if declared:
        response.setdefault("headers", {}).update(declared)
