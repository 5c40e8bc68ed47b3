"""The content of a row that an experiment has used, from its data set. A sealed row is never read."""

from typing import Any

import numpy as np
from sqlalchemy import Row

from service.experiments.model_cache import stored_spec
from service.store.errors import RowsGone, UnknownRow
from workers.data.dataset import Dataset
from workers.data.errors import DatasetError
from workers.data.registry import DatasetRegistry


def open_row(registry: DatasetRegistry, experiment: Row[Any], row: int) -> Dataset:
    """One row as a data set, if the experiment trains, validates or evaluates on it.

    Such a row is exposed once a run has started: no look counts it as sealed any more. Raises UnknownRow, RowsGone
    or UnusableModel.
    """
    spec = stored_spec(experiment)
    try:
        dataset = registry.load(spec.dataset)
        used = registry.split_rows(spec.dataset, spec.split).exposed
    except DatasetError as error:
        raise RowsGone(experiment.id, str(error)) from error
    if not np.isin(row, used):
        raise UnknownRow(experiment.id, row)
    return dataset.take(np.array([row]))
