"""The response headers in the OpenAPI document; those that are always sent are `required`.

Every response also has `X-Request-Id` and the other headers of `service.api.transport.middleware`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

Header = dict[str, Any]
TEXT, SECONDS = {"type": "string"}, {"type": "integer", "minimum": 0}

DESCRIBED: dict[str, Header] = {
    "ETag": {"description": "Send it back as If-None-Match.", "schema": TEXT},
    "Cache-Control": {"description": "Whether the response may be stored.", "schema": TEXT},
    "Vary": {"description": "Accept, if that header chose the format.", "schema": TEXT},
    "Link": {"description": "The URL of the next page, as in `next`.", "schema": TEXT},
    "Location": {"description": "The URL of the resource.", "schema": TEXT},
    "Retry-After": {"description": "Seconds to wait before the next try.", "schema": SECONDS},
    "Content-Disposition": {"description": "The name of the file.", "schema": TEXT},
    "X-Accel-Buffering": {"description": "no: a proxy passes each event on at once.", "schema": TEXT},
    "X-Model": {"description": "Of predictions as CSV: the seed and the epoch of the model.", "schema": TEXT},
    "X-Ignored-Columns": {
        "description": "Of predictions as CSV: columns that the data set has not, separated by commas, each "
        "percent-encoded.",
        "schema": TEXT,
    },
    "X-Unknown-Levels": {
        "description": "Of predictions as CSV: rows with a level that no row of the data set has, by column.",
        "schema": TEXT,
    },
    "WWW-Authenticate": {"description": "What kind of token is needed (RFC 6750).", "schema": TEXT},
    "RateLimit": {"description": "The number of requests left, and until when.", "schema": TEXT},
    "RateLimit-Policy": {
        "description": "The number of requests allowed, and in how many seconds.",
        "schema": TEXT,
    },
}
ALWAYS: dict[str, dict[str, tuple[str, ...]]] = {
    "submit_experiment": {"202": ("Location", "Retry-After")},
    "submit_sweep": {"202": ("Location", "Retry-After")},
    "measure_robustness": {"202": ("Location", "Retry-After")},
    "upload_dataset": {"200": ("Location",), "201": ("Location",)},
    "create_monitor": {"201": ("Location",)},
    "add_batch": {"201": ("Location",)},
    "create_webhook": {"201": ("Location", "Cache-Control")},
    "read_weights": {"200": ("Content-Disposition",)},
    "read_bundle": {"200": ("Content-Disposition",)},
    "stream_events": {"200": ("Cache-Control", "X-Accel-Buffering")},
    "stream_sweep_events": {"200": ("Cache-Control", "X-Accel-Buffering")},
}
"""Headers that are always sent, by operationId and status."""
PAGED = (
    *("list_experiments", "list_sweeps", "list_candidates", "list_monitors", "list_batches"),
    *("read_metrics", "read_classes", "read_epochs"),
)
"""Operations whose responses have a Link header to the next page."""
CSV = "text/csv"
CONDITIONAL = ("ETag", "Cache-Control")
"""Headers of a response to a conditional request."""


def add(operations: Mapping[str, dict[str, Any]], of_problems: Mapping[str, frozenset[str]]) -> None:
    """Add the headers to the operations of a document, which are given by operationId.

    of_problems: the headers of each problem type, by its name.
    """
    for name, operation in operations.items():
        responses = operation["responses"]
        for status, headers in ALWAYS.get(name, {}).items():
            _declare(responses[status], always=headers)
        if "304" in responses:
            _add_to_conditional(responses)
        if name in PAGED:
            _declare(responses["200"], sometimes=("Link",))
        if name == "predict":
            _declare(responses["200"], sometimes=("X-Model", "X-Ignored-Columns", "X-Unknown-Levels"))
        for response in responses.values():
            _add_to_problems(response, of_problems)


def _add_to_conditional(responses: Mapping[str, dict[str, Any]]) -> None:
    has_formats = CSV in responses["200"]["content"]
    for status in ("200", "304"):
        _declare(responses[status], always=CONDITIONAL, sometimes=("Vary",) if has_formats else ())


def _add_to_problems(response: dict[str, Any], of_problems: Mapping[str, frozenset[str]]) -> None:
    """A header is required if every problem type with this status has it."""
    examples = response.get("content", {}).get("application/problem+json", {}).get("examples", {})
    found = [of_problems[name] for name in examples]
    if found:
        always = frozenset.intersection(*found)
        _declare(response, always=always, sometimes=frozenset.union(*found) - always)


def _declare(response: dict[str, Any], *, always: Iterable[str] = (), sometimes: Iterable[str] = ()) -> None:
    declared = {name: DESCRIBED[name] | {"required": True} for name in sorted(always)}
    declared |= {name: DESCRIBED[name] for name in sorted(sometimes)}
    if declared:
        response.setdefault("headers", {}).update(declared)
