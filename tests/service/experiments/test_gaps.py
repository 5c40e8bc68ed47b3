"""Missing values and unknown levels: counted before training, and found in the summary."""

from typing import Any

from fastapi.testclient import TestClient

from tests.service.fake_worker import FakeWorker


def gaps_of(client: TestClient, dataset: str) -> dict[str, dict[str, Any]]:
    found = client.post("/experiments/validate", json={"dataset": dataset}).json()["gaps"]
    return {each["column"]: each for each in found}


def test_gaps_and_unknown_levels_of_a_table_are_in_its_plan_and_a_finding(
    client: TestClient, fake_worker: FakeWorker
) -> None:
    gaps = gaps_of(client, "penguins")
    assert 0 < gaps["sex"]["missing"] + gaps["sex"]["missing_in_training"] <= 11
    assert {each["unknown"] for each in gaps.values()} == {0}
    table = "town,x,y\n" + "".join(f"town {n % 90},{n},{'pq'[n % 2]}\n" for n in range(180))
    form = {"name": "towns", "accept": "all"}
    assert client.post("/datasets", data=form, files={"file": table.encode()}).status_code == 201
    [town] = gaps_of(client, "towns").values()
    assert town["unknown"] > 0
    assert all(level.startswith("town ") for level in town["levels"])
    experiment = fake_worker.submit(dataset="towns")
    fake_worker.claim()
    fake_worker.epoch(experiment, 1, [[18, 0], [0, 18]])
    findings = fake_worker.read(experiment)["summary"]["findings"]
    [sentence] = [each["sentence"] for each in findings if each["code"] == "levels_unknown"]
    assert f"'town' in {town['unknown']} rows ('town " in sentence
