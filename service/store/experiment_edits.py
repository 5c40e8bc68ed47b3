"""Change what people call an experiment and say about it: name, tags, note. Each change counts as a revision."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select, update

from service.store import spec_values
from service.store.errors import UnknownExperiment
from service.store.tables import Experiment, ExperimentTag


def edit(
    connection: Connection,
    experiment_id: int,
    *,
    name: str | None = None,
    tags: Sequence[str] | None = None,
    note: str | None = None,
) -> None:
    """Change an experiment; None leaves a field as it is. Raises UnknownExperiment.

    The stored spec has the name and the tags too. Its hash does not depend on them.
    """
    this = Experiment.id == experiment_id
    spec = connection.scalar(select(Experiment.spec).where(this).with_for_update())
    if spec is None:
        raise UnknownExperiment(experiment_id)
    of_spec = {
        "name": spec["name"] if name is None else name,
        "tags": spec["tags"] if tags is None else list(tags),
    }
    columns = {"name": name, "note": note}
    values = {column: value for column, value in columns.items() if value is not None}
    changed = update(Experiment).where(this).values(spec=spec | of_spec, revision=Experiment.revision + 1)
    connection.execute(changed.values(values) if values else changed)
    spec_values.replace(connection, experiment_id, of_spec)
    if tags is not None:
        _replace_tags(connection, experiment_id, tags)


def _replace_tags(connection: Connection, experiment_id: int, tags: Sequence[str]) -> None:
    connection.execute(delete(ExperimentTag).where(ExperimentTag.experiment_id == experiment_id))
    new = [{"experiment_id": experiment_id, "tag": tag} for tag in sorted(set(tags))]
    if new:
        connection.execute(insert(ExperimentTag), new)
