"""Write an experiment as one zip file: its spec, its results, and all that is needed to repeat it."""

import io
import json
import platform
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from sqlalchemy import Connection, Row

from service.experiments.majority import majority_accuracies
from service.experiments.model_cache import ModelCache
from service.experiments.weights import file_name, safetensors
from service.schemas.base import ResponseModel
from service.schemas.csv import write_csv
from service.schemas.epochs import ClassRow, MetricsRow
from service.store import attempts, experiment_reader, model_reader
from service.store.attempts import Computations
from service.store.database import Database
from service.store.epochs.epoch_reader import EVALUATION, EpochQuery, EpochTable, read_page
from service.store.errors import NoModel
from service.store.run_keys import RunFilter, RunKey, are_of_folds, name_of_run
from service.store.tables import EpochClasses, EpochMetrics

PAGE_ROWS = 1000
PACKAGES = ("holdout", "numpy", "scipy")

README = """\
Holdout experiment {id}{name}: {status}

spec.json       the spec with every default filled in and the data set pinned by its hash
experiment.json the data set, the split, the runs, and the versions of the service that wrote this file
metrics.csv     every epoch of every run, on training and validation rows; of a cross-validation, then the selected
                epoch of each run on its evaluation rows
classes.csv     the same for each class
weights/        the weights of the best epoch of each run that succeeded (safetensors; the metadata has the
                spec and the classes, the tensors scaling.offset and scaling.factor the scaling of the rows;
                if there is a tensor data.offset, it is subtracted first, in double precision; if there is a
                tensor prediction.threshold, a row is of the class with the index prediction.positive if its
                probability is at least that; of a table, the tensor data.columns has the names, kinds and levels
                of its columns as JSON in UTF-8, and the tensors preprocessing.* say how they are encoded:
                elements start at preprocessing.starts, with the layout of workers/data/preprocessing/layout.py)

To repeat it, start a service that has the data set {dataset}
(SHA-256 {sha256}), and:

    curl --json @spec.json http://127.0.0.1:8000/experiments

Its spec_hash will be {spec_hash}. The same version on the
same type of machine gives the same figures, to the last bit: experiment.json says what computed each run. A run that
several computed, each after an epoch, cannot be repeated so exactly.
"""


def write_bundle(file: IO[bytes], database: Database, models: ModelCache, experiment_id: int) -> None:
    """Write the zip file. Raises UnknownExperiment, or NoModel if no run has a model yet."""
    with database.read() as connection:
        experiment = experiment_reader.experiment(connection, experiment_id)
        runs = model_reader.models(connection, experiment_id)
        if not any(run.sha256 for run in runs):
            raise NoModel(experiment_id, _name_of_first(runs), runs[0].status)
        with ZipFile(file, "w", ZIP_DEFLATED) as bundle:
            _write(bundle, "README.txt", _readme(experiment))
            _write(bundle, "spec.json", _json(experiment.spec))
            computed = attempts.computations(connection, [experiment_id])[experiment_id]
            _write(bundle, "experiment.json", _json(_facts(experiment, runs, computed)))
            _write_rows(bundle, "metrics.csv", MetricsRow, _metrics(connection, experiment))
            _write_rows(bundle, "classes.csv", ClassRow, _classes(connection, experiment))
    with ZipFile(file, "a") as bundle:  # weights do not get smaller, and are read without the transaction
        for run in runs:
            if run.sha256:
                model = models.load(experiment_id, RunFilter(*RunKey.of(run)))
                _write(bundle, f"weights/{file_name(model)}", safetensors(model))


def _name_of_first(runs: Any) -> str:
    keys = [RunKey.of(run) for run in runs]
    return name_of_run(keys[0], of_folds=are_of_folds(keys))


def _readme(experiment: Row[Any]) -> str:
    dataset = experiment.plan["dataset"]
    return README.format(
        id=experiment.id,
        name=f" ({experiment.name})" if experiment.name else "",
        status=experiment.status,
        dataset=dataset["name"],
        sha256=dataset["sha256"],
        spec_hash=experiment.spec_hash,
    )


def _facts(experiment: Row[Any], runs: Any, computed: Computations) -> dict[str, Any]:
    return {
        "id": experiment.id,
        "name": experiment.name,
        "status": experiment.status,
        "spec_hash": experiment.spec_hash,
        **experiment.plan,
        "runs": [
            {
                **RunKey.of(run)._asdict(),
                "status": run.status,
                "model_epoch": run.epoch,
                "computed": [each._asdict() for each in computed.get(RunKey.of(run), [])],
            }
            for run in runs
        ],
        "versions": {package: version(package) for package in PACKAGES}
        | {"python": platform.python_version()},
        "machine": platform.machine(),
    }


def _metrics(connection: Connection, experiment: Row[Any]) -> Iterator[MetricsRow]:
    majority = majority_accuracies(experiment.plan)
    yield from MetricsRow.all_of(_rows(connection, EpochMetrics, experiment.id), majority)


def _classes(connection: Connection, experiment: Row[Any]) -> Iterator[ClassRow]:
    names = experiment.plan["dataset"]["classes"]
    for row in _rows(connection, EpochClasses, experiment.id):
        yield from ClassRow.all_of(row, names)


def _rows(connection: Connection, table: EpochTable, experiment_id: int) -> Iterator[Row[Any]]:
    """Read every row of an experiment, one page at a time."""
    for split in (None, EVALUATION):
        query, more = EpochQuery(split, limit=PAGE_ROWS), True
        while more:
            page = read_page(connection, table, experiment_id, query)
            yield from page.rows
            query, more = replace(query, after=page.position), page.more


def _write(bundle: ZipFile, name: str, content: str | bytes) -> None:
    bundle.writestr(_entry(name), content, compress_type=bundle.compression)


def _write_rows(bundle: ZipFile, name: str, row: type[ResponseModel], rows: Iterator[ResponseModel]) -> None:
    with (
        bundle.open(_entry(name, bundle.compression), "w") as member,
        io.TextIOWrapper(member, encoding="utf-8", newline="") as text,
    ):
        write_csv(text, row, rows)


def _entry(name: str, compression: int = 0) -> ZipInfo:
    """An entry without the time of day, so that the same experiment gives the same file."""
    entry = ZipInfo(name)
    entry.compress_type = compression
    return entry


def _json(value: Any) -> str:
    return json.dumps(value, indent=2) + "\n"
