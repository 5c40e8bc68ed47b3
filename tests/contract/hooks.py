"""Hooks for schemathesis: valid cursors, and a check of requests that are refused although the schema allows them.

They may be refused only because of rules that no schema can state. `RULES` lists each of them.
"""

import json
import os
from collections.abc import Callable
from typing import Any

import schemathesis
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from service.api.transport.middleware import SECURITY_HEADERS
from service.http import cursors
from service.http.bodies import parse
from workers.spec import ExperimentSpec
from workers.sweeps.request import SweepRequest

Problem = dict[str, Any]
COMMON_HEADERS = {
    *(
        "allow",
        "cache-control",
        "content-type",
        "content-length",
        "date",
        "server",
        "transfer-encoding",
        "x-request-id",
    ),
    *map(str.lower, SECURITY_HEADERS),
}
POSITIONS = (7, [[0, 1, "validation"]], [1, 1, 0, "validation"])
"""The last position on a page of experiments, of the epochs of one experiment, and of those of several."""

KEY_VARIABLE = "CURSOR_KEY"
"""The environment variable with the hexadecimal key with which the service under test signs cursors."""

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
    """Declare event streams as OpenAPI 3.2 does: schemathesis validates each event, but 3.1 can only declare text."""
    for path in raw_schema["paths"].values():
        for operation in path.values():
            for response in operation["responses"].values():
                for media_type, shape in response.get("content", {}).items():
                    if media_type == "text/event-stream":
                        shape["itemSchema"] = EVENT
                        del shape["schema"]


def beyond_the_schema(model: type[BaseModel]) -> Callable[[Problem, Any], bool]:
    """A rule: each field is valid by itself, so that only a combination or a missing data set is wrong."""

    def is_beyond_the_schema(problem: Problem, body: Any) -> bool:
        try:
            model.model_validate(parse(json.dumps(body).encode()))
        except ValidationError as error:
            return all(each["type"] == "value_error" for each in error.errors())
        return True

    return is_beyond_the_schema


def only(*paths: str) -> Callable[[Problem, Any], bool]:
    """A rule that allows errors only at these paths."""
    return lambda problem, body: all(each["path"].startswith(paths) for each in problem["errors"])


def anything(problem: Problem, body: Any) -> bool:
    return True


def nothing(problem: Problem, body: Any) -> bool:
    return False


RULES: dict[tuple[str, str], Callable[[Problem, Any], bool]] = {
    ("submit_experiment", "invalid-spec"): beyond_the_schema(ExperimentSpec),
    ("validate_experiment", "invalid-spec"): beyond_the_schema(ExperimentSpec),
    ("submit_sweep", "invalid-spec"): beyond_the_schema(SweepRequest),
    ("validate_sweep", "invalid-spec"): beyond_the_schema(SweepRequest),
    ("submit_sweep", "idempotency-key-reused"): anything,
    ("list_sweeps", "invalid-cursor"): anything,
    ("list_candidates", "invalid-cursor"): anything,
    ("list_monitors", "invalid-cursor"): anything,
    ("list_batches", "invalid-cursor"): anything,
    ("submit_experiment", "idempotency-key-reused"): anything,
    ("predict", "invalid-spec"): only("rows["),  # as wide as the data set, and within single precision
    ("compare_batch", "invalid-spec"): only("rows[", "labels"),  # as many labels as rows
    ("compare_batch", "invalid-field"): anything,
    ("add_batch", "invalid-spec"): only("rows[", "labels"),
    ("add_batch", "invalid-field"): anything,
    ("add_batch", "unusable-upload"): anything,
    ("create_monitor", "invalid-spec"): only("detectors"),  # of a regression there are fewer
    ("measure_robustness", "invalid-spec"): only("corruptions"),  # of images, or of tables
    ("compare_batch", "unusable-upload"): anything,
    ("predict", "malformed-csv"): anything,
    ("create_webhook", "invalid-spec"): only("url"),  # a port is at most 65,535
    ("create_webhook", "unusable-webhook"): anything,
    ("create_webhook", "private-address"): anything,
    ("upload_dataset", "invalid-field"): anything,  # the fields depend on the format
    ("upload_dataset", "unusable-upload"): anything,
    ("upload_dataset", "open-questions"): anything,
    ("inspect_dataset", "invalid-field"): anything,
    ("inspect_dataset", "unusable-upload"): anything,
    (
        "list_experiments",
        "invalid-cursor",
    ): anything,  # a cursor is opaque: the schema cannot tell an invented one
    ("list_experiments", "invalid-parameter"): only(
        "where", "fields"
    ),  # the fields of specs, and the metrics
    ("read_metrics", "invalid-cursor"): anything,
    ("read_classes", "invalid-cursor"): anything,
    ("read_epochs", "invalid-cursor"): anything,
    ("read_predictions", "invalid-cursor"): anything,
    ("stream_events", "invalid-cursor"): anything,
    ("stream_sweep_events", "invalid-cursor"): anything,
    ("read_metrics", "invalid-parameter"): only("limit"),  # or max_points, but not both
    ("read_epochs", "invalid-parameter"): only("limit"),
    ("compare_experiments", "invalid-parameter"): only("ids", "reference"),  # distinct ones, and one of them
    ("read_leaderboard", "invalid-parameter"): only("metric"),  # one that is the same for all candidates
    ("read_sweep_importance", "invalid-parameter"): only("metric"),
    ("read_comparison_chart", "invalid-parameter"): only("ids", "reference"),
    # what only another chart takes
    ("read_chart_picture", "invalid-parameter"): only(
        *("metric", "positive", "repeats", "seed", "repeat", "fold")
    ),
    ("read_comparison_picture", "invalid-parameter"): only("ids", "reference", "split"),
    ("read_compared_curves_chart", "invalid-parameter"): only("ids"),
}


@schemathesis.check
def refusals_are_beyond_the_schema(ctx: Any, response: Any, case: Any) -> None:
    """Check that a request that is valid by the schema is refused only because of a rule in `RULES`."""
    if response.status_code != 422 or not case.meta.generation.mode.is_positive:
        return
    problem = response.json()
    operation, kind = case.operation.definition.raw["operationId"], problem["type"].rpartition("/")[2]
    is_allowed = RULES.get((operation, kind), nothing)
    assert is_allowed(problem, case.body), f"{operation} refused with {kind}: {problem['detail']}"


@schemathesis.check
def every_header_is_declared(ctx: Any, response: Any, case: Any) -> None:
    """Check that each header is declared or common to all responses. schemathesis itself checks required headers."""
    declared = case.operation.definition.raw["responses"].get(str(response.status_code))
    if declared is None:
        return
    sent = {name.lower() for name in response.headers} - COMMON_HEADERS
    undeclared = sent - {name.lower() for name in declared.get("headers", {})}
    assert not undeclared, (
        f"{case.operation.label} {response.status_code} sends {', '.join(sorted(undeclared))}"
    )
