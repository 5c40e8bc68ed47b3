"""For schemathesis: cursors as they are given out, and a check of what is refused though the schema allows it.

That may be for rules alone that no schema can state. Each is named here.
"""

import json
import os
from collections.abc import Callable
from typing import Any

import schemathesis
from hypothesis import strategies as st
from pydantic import ValidationError

from service.api.transport.middleware import SECURITY_HEADERS
from service.http import cursors
from service.http.bodies import parse
from workers.spec import ExperimentSpec

Problem = dict[str, Any]
HEADERS_OF_ALL = {
    *("allow", "content-type", "content-length", "date", "server", "transfer-encoding", "x-request-id"),
    *map(str.lower, SECURITY_HEADERS),
}
POSITIONS = (7, [[0, 1, "validation"]], [1, 1, 0, "validation"])
"""Where a page of experiments, of the epochs of one, and of those of several may have ended."""

KEY_VARIABLE = "CURSOR_KEY"
"""In the environment: what the service under test signs cursors with, in hexadecimal digits."""

cursors.KEY.set(bytes.fromhex(os.environ.get(KEY_VARIABLE, "")))
schemathesis.openapi.format("cursor", st.sampled_from([cursors.encode(each) for each in POSITIONS]))


EVENT = {
    "type": "object",
    "properties": {
        **{key: {"type": "string"} for key in ("data", "event", "id")},
        "retry": {"type": "integer", "minimum": 0},
    },
    "required": ["data"],
}


@schemathesis.hook
def before_load_schema(context: Any, raw_schema: dict[str, Any]) -> None:
    """A stream is text, as the document says in OpenAPI 3.1; schemathesis holds each event against the schema."""
    for path in raw_schema["paths"].values():
        for operation in path.values():
            for response in operation["responses"].values():
                for media_type, shape in response.get("content", {}).items():
                    if media_type == "text/event-stream":
                        shape["itemSchema"] = EVENT
                        del shape["schema"]


def beyond_the_declarations(problem: Problem, body: Any) -> bool:
    """Of a spec: every field by itself is fine, but they do not go together, or the data set is not there."""
    try:
        ExperimentSpec.model_validate(parse(json.dumps(body).encode()))
    except ValidationError as error:
        return all(each["type"] == "value_error" for each in error.errors())
    return True


def only(*paths: str) -> Callable[[Problem, Any], bool]:
    """Whether nothing but these is wrong."""
    return lambda problem, body: all(each["path"].startswith(paths) for each in problem["errors"])


def whatever(problem: Problem, body: Any) -> bool:
    return True


def nothing(problem: Problem, body: Any) -> bool:
    return False


RULES: dict[tuple[str, str], Callable[[Problem, Any], bool]] = {
    ("submit_experiment", "invalid-spec"): beyond_the_declarations,
    ("validate_experiment", "invalid-spec"): beyond_the_declarations,
    ("submit_experiment", "idempotency-key-reused"): whatever,
    ("predict", "invalid-spec"): only("rows["),  # as wide as the data set, and within single precision
    ("create_webhook", "invalid-spec"): only("url"),  # a port is at most 65,535
    ("create_webhook", "unusable-webhook"): whatever,
    ("create_webhook", "private-address"): whatever,
    ("upload_dataset", "invalid-field"): whatever,  # which fields there are depends on the format
    ("upload_dataset", "unusable-upload"): whatever,
    ("list_experiments", "invalid-cursor"): whatever,  # a cursor is opaque: an invented one looks like any
    ("read_metrics", "invalid-cursor"): whatever,
    ("read_classes", "invalid-cursor"): whatever,
    ("read_epochs", "invalid-cursor"): whatever,
    ("stream_events", "invalid-cursor"): whatever,
    ("read_metrics", "invalid-parameter"): only("limit"),  # or max_points, but not both
    ("read_epochs", "invalid-parameter"): only("limit"),
    ("compare_experiments", "invalid-parameter"): only("ids", "reference"),  # distinct ones, and one of them
}


@schemathesis.check
def refused_for_what_no_schema_states(ctx: Any, response: Any, case: Any) -> None:
    """Holds for what was generated from the schema as valid."""
    if response.status_code != 422 or not case.meta.generation.mode.is_positive:
        return
    problem = response.json()
    operation, kind = case.operation.definition.raw["operationId"], problem["type"].rpartition("/")[2]
    excuses = RULES.get((operation, kind), nothing)
    assert excuses(problem, case.body), f"{operation} refused with {kind}: {problem['detail']}"


@schemathesis.check
def every_header_is_declared(ctx: Any, response: Any, case: Any) -> None:
    """Beside those that every answer has. That what is declared as required is sent is a check of schemathesis."""
    declared = case.operation.definition.raw["responses"].get(str(response.status_code))
    if declared is None:
        return
    sent = {name.lower() for name in response.headers} - HEADERS_OF_ALL
    undeclared = sent - {name.lower() for name in declared.get("headers", {})}
    assert not undeclared, (
        f"{case.operation.label} {response.status_code} sends {', '.join(sorted(undeclared))}"
    )
