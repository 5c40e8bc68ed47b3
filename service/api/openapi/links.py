"""The links of the OpenAPI document: which operations an answer leads to, and where in it their parameters are.

Clients that are generated from the document, and tests that walk through it, go on from here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

OF_EXPERIMENT = (
    "read_experiment",
    "read_metrics",
    "read_classes",
    "read_confusion",
    "stream_events",
    "read_weights",
    "read_bundle",
    "predict",
    "read_ledger",
    "evaluate_on_test_set",
    "cancel_experiment",
    "retry_experiment",
    "delete_experiment",
)
OF_DATASET = ("read_dataset", "preview_dataset", "delete_dataset")
OF_WEBHOOK = ("read_webhook", "delete_webhook")


@dataclass(frozen=True)
class Lead:
    """From an answer with `status` to `operations`: their `parameter` is at `source` in it."""

    status: int
    parameter: str
    source: str
    operations: tuple[str, ...]

    def links(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """By the name of the operation that each leads to."""
        for operation in self.operations:
            parameters = {self.parameter: f"$response.body#/{self.source}"}
            yield operation, {"operationId": operation, "parameters": parameters}


LEADS = {
    "submit_experiment": [
        Lead(202, "experiment_id", "id", OF_EXPERIMENT),
        Lead(202, "ids", "id", ("read_epochs",)),
    ],
    "retry_experiment": [Lead(202, "experiment_id", "id", ("read_experiment", "cancel_experiment"))],
    "cancel_experiment": [
        Lead(202, "experiment_id", "id", ("read_experiment", "retry_experiment", "delete_experiment"))
    ],
    "list_experiments": [Lead(200, "experiment_id", "items/0/id", ("read_experiment",))],
    "upload_dataset": [Lead(status, "name", "name", OF_DATASET) for status in (200, 201)],
    "list_datasets": [Lead(200, "name", "items/0/name", ("read_dataset", "preview_dataset"))],
    "create_webhook": [Lead(201, "webhook_id", "id", OF_WEBHOOK)],
    "list_webhooks": [Lead(200, "webhook_id", "items/0/id", OF_WEBHOOK)],
}


def add(operations: Mapping[str, dict[str, Any]]) -> None:
    """Add the links to the operations of a document, which are given by their names."""
    for name, leads in LEADS.items():
        for lead in leads:
            answer = operations[name]["responses"][str(lead.status)]
            answer.setdefault("links", {}).update(lead.links())
