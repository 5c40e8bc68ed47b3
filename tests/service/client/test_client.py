"""The client against a service without workers: what it does to experiments and sweeps, and what it refuses."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import httpx2
import pytest

from service.client import Client, RequestRefused
from service.launcher import serving
from service.settings import Settings


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = Settings(workers=0, port=0, data_dir=tmp_path_factory.mktemp("client"), log_level="warning")
    with serving(settings) as url:
        yield url


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    with Client(url) as client:
        yield client


def test_an_experiment_is_edited_cancelled_and_deleted(client: Client) -> None:
    experiment = client.submit({"dataset": "iris"}, name="mine", tags=["a"])
    assert (experiment.name, experiment.status, experiment.summary) == ("mine", "queued", None)
    assert "<img" not in experiment._repr_html_()
    experiment.edit(name="yours", tags=["b"], note="a note")
    assert (experiment.name, experiment.data["note"]) == ("yours", "a note")
    assert client.experiments(tag="b")["id"].tolist() == [experiment.id]
    assert experiment.cancel().status == "cancelled"
    assert experiment.wait(progress=False) is experiment
    assert experiment.retry(seed=0).status == "queued"
    experiment.cancel()
    experiment.delete()
    with pytest.raises(RequestRefused, match="There is no experiment") as refused:
        client.experiment(experiment.id)
    assert refused.value.status == 404
    assert refused.value.problem["type"] == "/problems/unknown-experiment"


def test_a_key_submits_once(client: Client) -> None:
    spec = {"dataset": "iris"}
    assert client.submit(spec, key="once").id == client.submit(spec, key="once").id
    assert (
        client.submit_sweep(spec=spec, preset="losses", key="all").id
        == client.submit_sweep(spec=spec, preset="losses", key="all").id
    )


def test_a_sweep_is_read_and_cancelled(client: Client) -> None:
    sweep = client.submit_sweep({"spec": {"dataset": "iris"}}, space={"loss": ["focal", "cross_entropy"]})
    candidates = sweep.candidates()
    assert candidates["loss"].tolist() == ["focal", "cross_entropy"]
    assert candidates["status"].tolist() == ["queued", "queued"]
    assert "links" not in candidates.names
    assert len(sweep.leaderboard()) == 0
    assert "0/2 candidates, queued" in sweep._repr_html_()
    assert sweep.id in client.sweeps(limit=1000)["id"]
    assert sweep.cancel().status == "cancelled"
    assert sweep.wait(progress=False).data["counts"]["cancelled"] == 2
    assert sweep.retry().status == "queued"
    sweep.cancel().delete()
    with pytest.raises(RequestRefused, match="There is no sweep"):
        client.sweep(sweep.id)


def test_sweep_queues_a_new_one_or_reads_an_earlier_one(client: Client) -> None:
    new = client.sweep({"spec": {"dataset": "iris"}}, preset="losses", key="a sweep once")
    assert (
        new.id == client.submit_sweep({"spec": {"dataset": "iris"}}, preset="losses", key="a sweep once").id
    )
    assert client.sweep(new.id).data["name"] == new.data["name"]
    with pytest.raises(TypeError, match="not both"):
        cast("Any", client).sweep(new.id, key="once")
    new.cancel()


def test_a_waiting_sweep_times_out(client: Client) -> None:
    sweep = client.submit_sweep(preset="losses")
    with pytest.raises(TimeoutError, match=r"queued after 0\.1 s"):
        sweep.wait(timeout=0.1, progress=False)


def test_every_error_of_a_spec_is_named(client: Client) -> None:
    with pytest.raises(RequestRefused) as refused:
        client.submit(loss="focl", training={"epochs": -1})
    assert refused.value.status == 422
    assert {each["path"] for each in refused.value.problem["errors"]} == {"loss", "training.epochs"}
    assert "did you mean 'focal'" in str(refused.value)
    assert client.validate(loss="focal")["parameters"] == 9610


def test_a_question_about_a_file_is_open_until_it_is_answered(client: Client, tmp_path: Path) -> None:
    file = tmp_path / "birds.csv"
    file.write_text("class,length\nadelie,1.5\ngentoo,2\nadelie,1\ngentoo,3\n")
    inspection = client.inspect(file)
    assert not inspection.is_ready
    assert any(inspection.doubts["blocking"])
    assert "a question is open" in inspection._repr_html_()
    dataset = client.upload(file, "birds", label="class")
    assert client.dataset("birds").columns["name"].tolist() == ["class", "length"]
    assert "birds" in client.datasets()["name"]
    dataset.delete()
    assert "birds" not in client.datasets()["name"]


def test_a_service_that_does_not_answer_raises_what_httpx2_raises() -> None:
    with Client("http://127.0.0.1:1") as client, pytest.raises(httpx2.ConnectError):
        client.catalog()


def test_the_address_and_the_token_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDOUT_URL", "http://elsewhere:9/")
    monkeypatch.setenv("HOLDOUT_TOKEN", "secret")
    with Client() as client:
        assert client.api.url == "http://elsewhere:9"
        assert client.api._http.headers["authorization"] == "Bearer secret"
