"""The links of the OpenAPI document: from a response to the operations that its ids are parameters of.

Generated clients, and tests that walk through the document, follow them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

OF_EXPERIMENT = (
    "read_experiment",
    "read_metrics",
    "read_classes",
    "read_confusion",
    "read_predictions",
    "read_errors",
    "read_row_picture",
    "read_curves",
    "read_reliability",
    "read_operating_points",
    "read_importance",
    "read_curves_chart",
    "read_sparkline",
    "read_classes_chart",
    "read_confusion_chart",
    "read_predictions_chart",
    "read_roc_chart",
    "read_precision_recall_chart",
    "read_reliability_chart",
    "read_importance_chart",
    "measure_robustness",
    "read_robustness",
    "cancel_robustness",
    "read_robustness_chart",
    "read_chart_picture",
    "stream_events",
    "read_weights",
    "read_bundle",
    "predict",
    "compare_batch",
    "list_monitors",
    "read_ledger",
    "evaluate_on_test_set",
    "edit_experiment",
    "cancel_experiment",
    "retry_experiment",
    "delete_experiment",
)
OF_DATASET = ("read_dataset", "preview_dataset", "preview_table", "delete_dataset")
OF_SWEEP = (
    "read_sweep",
    "list_candidates",
    "read_leaderboard",
    "read_sweep_importance",
    "read_leaderboard_chart",
    "read_parallel_chart",
    "read_sweep_importance_chart",
    "stream_sweep_events",
    "read_sweep_picture",
    "cancel_sweep",
    "retry_sweep",
    "delete_sweep",
)
OF_MONITOR = (
    "read_monitor",
    "list_batches",
    "read_monitor_chart",
    "read_monitor_picture",
    "add_batch",
    "delete_monitor",
)
OF_WEBHOOK = ("read_webhook", "delete_webhook")


@dataclass(frozen=True)
class ResponseLink:
    """Links from a response with `status` to `operations`: the value at `source` in it is their `parameter`."""

    status: int
    parameter: str
    source: str
    operations: tuple[str, ...]

    def objects(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """OpenAPI's link objects, by the operationId that each leads to."""
        for operation in self.operations:
            parameters = {self.parameter: f"$response.body#/{self.source}"}
            yield operation, {"operationId": operation, "parameters": parameters}


LINKS = {
    "submit_experiment": [
        ResponseLink(202, "experiment_id", "id", OF_EXPERIMENT),
        ResponseLink(202, "ids", "id", ("read_epochs",)),
    ],
    "retry_experiment": [ResponseLink(202, "experiment_id", "id", ("read_experiment", "cancel_experiment"))],
    "cancel_experiment": [
        ResponseLink(202, "experiment_id", "id", ("read_experiment", "retry_experiment", "delete_experiment"))
    ],
    "edit_experiment": [ResponseLink(200, "experiment_id", "id", ("read_experiment",))],
    "list_experiments": [ResponseLink(200, "experiment_id", "items/0/id", ("read_experiment",))],
    "submit_sweep": [ResponseLink(202, "sweep_id", "id", OF_SWEEP)],
    "cancel_sweep": [ResponseLink(202, "sweep_id", "id", ("read_sweep", "retry_sweep", "delete_sweep"))],
    "retry_sweep": [ResponseLink(202, "sweep_id", "id", ("read_sweep", "cancel_sweep"))],
    "list_sweeps": [ResponseLink(200, "sweep_id", "items/0/id", OF_SWEEP)],
    "upload_dataset": [ResponseLink(status, "name", "name", OF_DATASET) for status in (200, 201)],
    "list_datasets": [ResponseLink(200, "name", "items/0/name", ("read_dataset", "preview_dataset"))],
    "create_monitor": [ResponseLink(201, "monitor_id", "id", OF_MONITOR)],
    "list_monitors": [ResponseLink(200, "monitor_id", "items/0/id", OF_MONITOR)],
    "create_webhook": [ResponseLink(201, "webhook_id", "id", OF_WEBHOOK)],
    "list_webhooks": [ResponseLink(200, "webhook_id", "items/0/id", OF_WEBHOOK)],
}


def add(operations: Mapping[str, dict[str, Any]]) -> None:
    """Add the links to the operations of a document, which are given by operationId."""
    for name, links in LINKS.items():
        for link in links:
            response = operations[name]["responses"][str(link.status)]
            response.setdefault("links", {}).update(link.objects())
