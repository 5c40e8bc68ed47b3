"""Takes a planned experiment into the queue."""

from dataclasses import asdict

from sqlalchemy import Connection

from service.store import queue
from workers.plan import Plan


def submit(connection: Connection, plan: Plan, *, owner: str = "local") -> int:
    """Store the resolved spec, what is known of it, and a queued run for each seed; the experiment's id."""
    spec = plan.spec
    return queue.submit(
        connection,
        seeds=spec.seeds,
        epochs=spec.training.epochs,
        tags=spec.tags,
        name=spec.name,
        priority=spec.priority,
        owner=owner,
        spec=spec.model_dump(mode="json"),
        spec_hash=spec.spec_hash,
        plan=plan.facts(),
        warnings=[asdict(warning) for warning in plan.warnings],
        dataset=spec.dataset.name,
        loss=spec.loss.name,
        optimizer=spec.optimizer.name,
        balancing=spec.balancing.name,
    )
