"""A model that cannot be loaded: every route gives the reason and a remedy, and no look is spent."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from safetensors.numpy import load, save
from sqlalchemy import func, select, update

from service.experiments import test_evaluation
from service.settings import Settings
from service.store.artifacts.artifact_store import ArtifactStore
from service.store.database import Database
from service.store.errors import UnusableModel
from service.store.tables import Checkpoint, Experiment, LedgerEntry, Run
from tests.service.experiments.training import train_seed
from tests.service.fake_worker import FakeWorker
from workers.nn.arrays import Array
from workers.predictor import Overflow, Predictor

SPEC = {"dataset": "iris", "model": {"hidden": [8]}, "training": {"epochs": 2}}
ROW = {"rows": [[5.1, 3.5, 1.4, 0.2]]}
MODELS = Checkpoint.kind == "model"
Break = Callable[[Database, Settings, int], None]


def store_again(database: Database, experiment_id: int, change: Callable[[bytes], bytes]) -> None:
    """Put other bytes in the place of a stored model, under their own hash."""
    mine = select(Run.id).where(Run.experiment_id == experiment_id).scalar_subquery()
    with database.write() as connection:
        content = change(
            connection.scalars(select(Checkpoint.content).where(MODELS, Checkpoint.run_id == mine)).one()
            or b""
        )
        values = {"content": content, "sha256": sha256(content).hexdigest()}
        connection.execute(update(Checkpoint).where(MODELS, Checkpoint.run_id == mine).values(**values))


def header_of(content: bytes) -> dict[str, str]:
    """The metadata of a safetensors file."""
    size = int.from_bytes(content[:8], "little")
    metadata: dict[str, str] = json.loads(content[8 : 8 + size])["__metadata__"]
    return metadata


def with_arrays(content: bytes, change: Callable[[dict[str, Array]], dict[str, Array]]) -> bytes:
    return save(change(load(content)), metadata=header_of(content))


def of_the_first_schema(database: Database, _: Settings, experiment_id: int) -> None:
    """The first version stored the parameters alone, without what scales the rows."""
    store_again(
        database,
        experiment_id,
        lambda content: with_arrays(content, lambda arrays: {"parameters": arrays["parameters"]}),
    )


def of_another_shape(database: Database, _: Settings, experiment_id: int) -> None:
    store_again(
        database,
        experiment_id,
        lambda content: with_arrays(content, lambda arrays: arrays | {"parameters": np.ones(3, np.float32)}),
    )


def no_safetensors(database: Database, _: Settings, experiment_id: int) -> None:
    store_again(database, experiment_id, lambda content: content[:40])


def a_flipped_bit(database: Database, _: Settings, experiment_id: int) -> None:
    with database.write() as connection:
        content = connection.scalars(select(Checkpoint.content).where(MODELS)).one() or b""
        connection.execute(
            update(Checkpoint).where(MODELS).values(content=content[:-1] + bytes([content[-1] ^ 1]))
        )


def a_spec_of_another_version(database: Database, _: Settings, experiment_id: int) -> None:
    with database.write() as connection:
        spec = connection.scalars(select(Experiment.spec)).one()
        connection.execute(update(Experiment).values(spec=spec | {"model": {"name": "transformer"}}))


def moved_away(database: Database, settings: Settings, experiment_id: int) -> None:
    """Its file was left behind when the data folder moved."""
    artifact_of(database, settings).unlink()


def torn(database: Database, settings: Settings, experiment_id: int) -> None:
    path = artifact_of(database, settings)
    path.write_bytes(path.read_bytes()[:-1])


def artifact_of(database: Database, settings: Settings) -> Path:
    """Move the one model into the artifact store; its file."""
    artifacts = ArtifactStore(settings.artifacts_url)
    with database.write() as connection:
        stored = artifacts.save(connection.scalars(select(Checkpoint.content).where(MODELS)).one() or b"")
        connection.execute(update(Checkpoint).where(MODELS).values(content=None, artifact=stored.name))
    return Path(settings.artifacts_url) / stored.name


@pytest.fixture
def trained(app: FastAPI, fake_worker: FakeWorker) -> Callable[[int], int]:
    """An experiment on iris whose one seed has succeeded."""

    def train(seed: int) -> int:
        experiment_id = fake_worker.submit(**SPEC, seeds=[seed])
        fake_worker.claim()
        train_seed(app, fake_worker, experiment_id, seed)
        return experiment_id

    return train


def looks(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(LedgerEntry)).scalar_one()


@pytest.mark.parametrize(
    ("broken", "why", "remedy"),
    [
        (of_the_first_schema, "it has no array scaling.offset", "Use the version of Holdout that trained it"),
        (of_another_shape, "cannot load", "Use the version of Holdout that trained it"),
        (no_safetensors, "not a checkpoint", "Restore the database from a backup"),
        (a_flipped_bit, "damaged", "Restore the database from a backup"),
        (
            moved_away,
            r"checkpoints/\w+-\w+ is not in the artifact store",
            r"Restore checkpoints/\w+-\w+ from",
        ),
        (a_spec_of_another_version, "does not understand its spec", "Use the version of Holdout"),
        (torn, r"checkpoints/\w+-\w+ in the artifact store is damaged", r"Restore checkpoints/\w+-\w+ from"),
    ],
)
def test_every_route_gives_the_reason_and_a_remedy_and_no_look_is_spent(
    client: TestClient,
    database: Database,
    settings: Settings,
    trained: Callable[[int], int],
    broken: Break,
    why: str,
    remedy: str,
) -> None:
    lost = trained(0)
    broken(database, settings, lost)
    refused = [
        client.post(f"/experiments/{lost}/test-evaluations"),
        client.get(f"/experiments/{lost}/weights"),
        client.get(f"/experiments/{lost}/bundle"),
        client.post(f"/experiments/{lost}/predict", json=ROW),
    ]
    for response in refused:
        problem = response.json()
        assert (response.status_code, problem["type"]) == (409, "/problems/unusable-model"), response.text
        assert f"seed 0 of experiment {lost}" in problem["detail"]
        assert re.search(why, problem["detail"]), problem["detail"]
        assert re.search(remedy, problem["detail"]), problem["detail"]
        assert f"send the `spec` of GET /experiments/{lost}" in problem["detail"]
        assert settings.artifacts_url not in response.text
    assert looks(database) == 0
    assert client.post(f"/experiments/{trained(1)}/test-evaluations").status_code == 201


def test_a_restored_model_is_used_again(
    client: TestClient, database: Database, settings: Settings, trained: Callable[[int], int]
) -> None:
    id_ = trained(0)
    path = artifact_of(database, settings)
    away = path.rename(path.with_suffix(".away"))
    address = f"/experiments/{id_}/test-evaluations"
    assert client.post(address).status_code == 409
    away.rename(path)
    assert client.post(address).status_code == 201


def test_an_answer_in_the_ledger_needs_no_model(
    client: TestClient, database: Database, settings: Settings, trained: Callable[[int], int]
) -> None:
    id_ = trained(0)
    address = f"/experiments/{id_}/test-evaluations"
    said = client.post(address)
    moved_away(database, settings, id_)
    again = client.post(address)
    assert (said.status_code, again.status_code) == (201, 200)
    assert again.json() == said.json()


def test_test_rows_that_overflow_spend_no_look(
    client: TestClient, database: Database, trained: Callable[[int], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def overflow(*_: object) -> None:
        raise Overflow(3)

    id_ = trained(0)
    with monkeypatch.context() as changed:
        changed.setattr(Predictor, "__call__", overflow)
        response = client.post(f"/experiments/{id_}/test-evaluations")
    assert (response.status_code, response.json()["type"]) == (409, "/problems/unusable-model")
    assert "row 3" in response.json()["detail"]
    assert looks(database) == 0


def test_rows_of_another_width_spend_no_look(
    app: FastAPI, client: TestClient, database: Database, trained: Callable[[int], int]
) -> None:
    id_ = trained(0)
    tested = test_evaluation.SealedEvaluator(
        database, app.state.registry, app.state.models, app.state.settings
    )
    sealed = tested.sealed_rows(id_)
    rows = np.arange(len(sealed.part))
    narrow = sealed.part.take(rows)
    object.__setattr__(narrow, "features", narrow.features[:, :3])
    with pytest.raises(UnusableModel, match="takes 4 features, and the test rows have 3"):
        tested.evaluate(replace(sealed, part=narrow), "local")
    assert looks(database) == 0
