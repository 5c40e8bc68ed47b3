"""Builds the OpenAPI document: what FastAPI derives from the routes, plus errors, headers, links and examples.

Only `tools.make_openapi` and tests build it. A service sends what the tool has written, and the checks compare both:
to build it takes seconds of processor time, and 20 MB that stay in the process.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from service.api.errors.problems import MEDIA_TYPE, UNAVAILABLE, Problem
from service.api.openapi import headers, links, response_examples
from service.api.openapi.compatibility import portable
from service.api.openapi.responses import ACCESS_ERRORS, EXAMPLES, Responses, problems, responses_of
from service.schemas.problem import ProblemAnswer

FILE = Path(__file__).parent / "openapi.json"
"""The document as it was written."""
DESCRIPTION = """
A service for honest experiments in classification and regression. POST a spec, workers train it, and the responses
give the metrics, those of each class too, with baselines and confidence intervals.

`POST /experiments` with `{}` trains on the bundled digits. `GET /experiments/{id}` returns the progress and the
results; `.../metrics`, `.../classes` and `.../confusion` return the details. `/catalog` lists everything that a spec
can name. Every error is a problem (RFC 9457) that gives the place, the value, and what would be right.
"""
TAGS = [
    {
        "name": "experiments",
        "description": "Submit experiments, follow their progress, and read and compare their results.",
    },
    {
        "name": "sweeps",
        "description": "Many experiments over a space of specs, and the leaderboard that marks its ties.",
    },
    {
        "name": "epochs",
        "description": "Metrics, class accuracies and confusion matrices of each epoch, as flat rows.",
    },
    {"name": "charts", "description": "Charts as SVG, for pages, papers and dashboards."},
    {
        "name": "models",
        "description": "Trained models: weights, predictions, and a bundle to repeat the experiment.",
    },
    {
        "name": "test set",
        "description": "The sealed test part: a budget limits its evaluations, and a ledger records them.",
    },
    {"name": "data", "description": "The data sets that a spec can name."},
    {"name": "catalog", "description": "The losses, optimizers, balancings, ... that a spec can name."},
    {"name": "monitors", "description": "Batches of new rows over time, and whether they have shifted."},
    {"name": "webhooks", "description": "Messages to your own server when an experiment ends."},
    {"name": "operation", "description": "Health, readiness and metrics of the service."},
]
LICENSE = {"name": "MIT", "identifier": "MIT"}
SERVERS = [{"url": "/"}]
"""The API is at the same origin as the document."""
NO_SECURITY: dict[str, list[str]] = {}
"""A security requirement that every request fulfils: no token is needed until the first one is created."""


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of `app`, built once."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title,
            version=app.version,
            description=DESCRIPTION,
            tags=TAGS,
            license_info=LICENSE,
            servers=SERVERS,
            routes=app.routes,
        )
        schema["components"]["schemas"] |= _schemas(ProblemAnswer)
        schema = portable(schema)
        operations = {
            each["operationId"]: each for path in schema["paths"].values() for each in path.values()
        }
        for operation in operations.values():
            _restore_nulls(operation["responses"])
            operation["security"] = [NO_SECURITY, *operation["security"]] if "security" in operation else []
            if operation["security"]:
                _merge(operation["responses"], problems(*ACCESS_ERRORS))
        for path in schema["paths"].values():
            _fill_in(path.get("get", {}).get("parameters", []))
        headers.add(operations, _headers_of_problems())
        links.add(operations)
        response_examples.add(operations)
        app.openapi_schema = schema
    return app.openapi_schema


def _merge(responses: dict[str, Any], more: Responses) -> None:
    """Add responses to an operation; if it has the status already, add their examples to it."""
    for status, response in more.items():
        there = responses.setdefault(str(status), response)["content"][MEDIA_TYPE]
        there["examples"] |= response["content"][MEDIA_TYPE]["examples"]


def _fill_in(parameters: Sequence[dict[str, Any]]) -> None:
    """Give required parameters of a GET the example of their schema, which Swagger UI then fills in.

    Whoever changes something has to name it: a click would delete experiment 1, or look at its test rows.
    """
    for parameter in parameters:
        examples = parameter["schema"].get("examples")
        if parameter.get("required") and examples:
            parameter.setdefault("example", examples[0])


def _restore_nulls(responses: dict[str, Any]) -> None:
    """Restore the nulls in examples of problems: FastAPI drops them from what a route declares."""
    for response in responses.values():
        for name, example in response.get("content", {}).get(MEDIA_TYPE, {}).get("examples", {}).items():
            example["value"] = _problem_examples()[name]["value"]


@cache
def _problem_examples() -> dict[str, Any]:
    """The example of each problem type, by the name of the type."""
    responses = responses_of([UNAVAILABLE, *map(Problem.from_error, EXAMPLES.values())])
    return {
        name: example
        for response in responses.values()
        for name, example in response["content"][MEDIA_TYPE]["examples"].items()
    }


def _headers_of_problems() -> dict[str, frozenset[str]]:
    """The headers that each problem type has, by the name of the type."""
    known = {name.lower(): name for name in headers.DESCRIBED}
    return {
        problem.type.name: frozenset(known[each] for each in problem.response("").headers if each in known)
        for problem in (UNAVAILABLE, *map(Problem.from_error, EXAMPLES.values()))
    }


def _schemas(model: type[BaseModel]) -> dict[str, Any]:
    """The component schemas of a model and of the models in it."""
    schema = model.model_json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
    return {**schema.pop("$defs", {}), schema["title"]: schema}
