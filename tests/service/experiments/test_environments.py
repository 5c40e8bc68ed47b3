"""What computed a run is said in the run, in the summary, in the bundle and in comparisons."""

import io
import json
from dataclasses import replace
from typing import Any
from zipfile import ZipFile

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from service.store import attempts
from service.store.artifacts.artifact_store import ArtifactStore
from service.store.database import Database
from service.store.epochs import epoch_writer
from service.store.queue import Lease
from tests.service.environments import COMPILED, REFERENCE, started, stored
from tests.service.experiments.compared import compare, confusion
from tests.service.experiments.training import train_seed
from tests.service.fake_worker import FakeWorker
from workers.environment import Environment
from workers.processes.messages import CheckpointTaken


def record(
    database: Database, lease: Lease, attempt: int, environment: Environment, *, checkpoint: int
) -> None:
    """Let an attempt start in an environment, resume if it can, and take a checkpoint after an epoch."""
    with database.write() as connection:
        attempts.record(connection, lease.run_id, attempt, started(environment, resumed=attempt > 1))
        taken = CheckpointTaken(checkpoint, 1, b"state")
        epoch_writer.save_checkpoint(
            connection, ArtifactStore("unused"), lease.run_id, taken, attempt=attempt
        )


def computed_by(fake_worker: FakeWorker, *environments: Environment) -> int:
    """An experiment that has succeeded, with an epoch in each of these environments."""
    id_ = fake_worker.submit(seeds=[0], training={"epochs": 3})
    fake_worker.claim()
    for number, environment in enumerate(environments, start=1):
        record(fake_worker.database, fake_worker.leases[id_, 0], number, environment, checkpoint=number)
        fake_worker.epoch(id_, number, confusion(15), best_epoch=1)
    fake_worker.save_rows(id_, confusion(15))
    fake_worker.finish(id_, "succeeded")
    return id_


def codes(remarks: list[dict[str, Any]]) -> list[str]:
    return [each["code"] for each in remarks]


def test_a_run_names_what_computed_it(fake_worker: FakeWorker) -> None:
    experiment = fake_worker.read(computed_by(fake_worker, COMPILED))
    assert experiment["environments"] == [vars(COMPILED)]
    assert [run["environments"] for run in experiment["runs"]] == [[0]]
    assert "mixed_kernels" not in codes(experiment["summary"]["findings"])


def test_a_run_of_an_older_version_names_nothing(fake_worker: FakeWorker) -> None:
    experiment = fake_worker.read(computed_by(fake_worker))
    assert (experiment["environments"], experiment["runs"][0]["environments"]) == ([], [])


def test_a_finding_says_that_other_kernels_continued_a_run(fake_worker: FakeWorker) -> None:
    experiment = fake_worker.read(computed_by(fake_worker, COMPILED, REFERENCE, COMPILED))
    assert experiment["environments"] == [vars(COMPILED), vars(REFERENCE)]
    assert experiment["runs"][0]["environments"] == [0, 1, 0]
    (finding,) = [each for each in experiment["summary"]["findings"] if each["code"] == "mixed_kernels"]
    assert finding["sentence"] == (
        "1 of 1 runs were continued by another processor, other kernels or other versions: at first numba 0.68.0, "
        "SkylakeX, cascadelake, x86_64, numpy 2.4.6; after epoch 1 numpy, Haswell, x86_64, numpy 2.4.6; after "
        "epoch 2 numba 0.68.0, SkylakeX, cascadelake, x86_64, numpy 2.4.6. Rounding differs, so these figures cannot "
        "be repeated to the last bit."
    )


def test_a_bundle_says_what_computed_each_run(
    app: FastAPI, client: TestClient, fake_worker: FakeWorker
) -> None:
    id_ = fake_worker.submit(dataset="iris", model={"hidden": [8]}, training={"epochs": 1})
    fake_worker.claim()
    for number, environment in enumerate((COMPILED, REFERENCE), start=1):
        record(fake_worker.database, fake_worker.leases[id_, 0], number, environment, checkpoint=0)
    train_seed(app, fake_worker, id_, 0)
    with ZipFile(io.BytesIO(client.get(f"/experiments/{id_}/bundle").content)) as bundle:
        (run,) = json.loads(bundle.read("experiment.json"))["runs"]
    assert run["computed"] == [
        {"after_epoch": 0, "environment": stored(COMPILED)},
        {"after_epoch": 0, "environment": stored(REFERENCE)},
    ]


@pytest.mark.parametrize("others", [(REFERENCE,), (COMPILED, REFERENCE)])
def test_a_comparison_says_that_kernels_differ(
    client: TestClient, fake_worker: FakeWorker, others: tuple[Environment, ...]
) -> None:
    a, same = computed_by(fake_worker, COMPILED), computed_by(fake_worker, COMPILED)
    assert "different_kernels" not in codes(compare(client, a, same)["remarks"])
    b = computed_by(fake_worker, *others)
    assert "different_kernels" in codes(compare(client, a, b)["remarks"])


def test_the_unit_that_multiplies_bfloat16_is_named(fake_worker: FakeWorker) -> None:
    mixed = replace(COMPILED, bfloat16="AMX-BF16 with MKL 2026.2.0")
    experiment = fake_worker.read(computed_by(fake_worker, mixed))
    assert experiment["environments"] == [vars(mixed)]
    assert "AMX-BF16" in attempts.described(vars(mixed))
