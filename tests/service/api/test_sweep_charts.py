"""The charts of a sweep, and its pages: they show what the leaderboard says, and are 304 while it does not change."""

from typing import Any
from xml.etree import ElementTree

import pytest
from fastapi.testclient import TestClient

from tests.service.api.test_pages import shown
from tests.service.conditional import get
from tests.service.experiments.test_leaderboards import finish
from tests.service.fake_worker import FakeWorker

SVG = "{http://www.w3.org/2000/svg}"
CHARTS = ("chart", "parallel", "importance")
NAME = "<script>alert(1)</script>"
BASE = {"dataset": {"name": "synthetic", "counts": [900, 100], "features": 2}, "seeds": [0, 1]}
SPACE: dict[str, Any] = {"model.hidden": [[64], [2]], "optimizer.learning_rate": [0.1, 0.001]}


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Nothing here depends on the database."""
    return sqlite_url


@pytest.fixture
def sweep(client: TestClient) -> int:
    response = client.post("/sweeps", json={"name": NAME, "spec": BASE, "space": SPACE})
    assert response.status_code == 202, response.text
    return int(response.json()["id"])


@pytest.fixture
def finished(sweep: int, fake_worker: FakeWorker) -> int:
    finish(fake_worker, [[19, 19], [18, 19], [3, 4], [4, 3]])
    return sweep


def described(client: TestClient, sweep: int, name: str, **query: Any) -> str:
    response = client.get(f"/sweeps/{sweep}/{name}.svg", params=query)
    assert response.status_code == 200, response.text
    assert len(response.content) < 300_000
    return ElementTree.fromstring(response.content).findtext(f"{SVG}desc") or ""


def test_charts_are_drawn_before_the_first_result(client: TestClient, sweep: int) -> None:
    assert all(NAME in described(client, sweep, name) for name in CHARTS)


def test_the_leaderboard_is_drawn_with_its_groups(client: TestClient, finished: int) -> None:
    board = client.get(f"/sweeps/{finished}/leaderboard").json()
    said = described(client, finished, "chart")
    for each in board["items"]:
        assert f"{each['value']:.3f} [{each['low']:.3f}, {each['high']:.3f}]" in said
    assert said.count("worse than the best") == sum(not each["top"] for each in board["items"]) == 2
    assert said.count("recommended") == 1


def test_each_candidate_is_a_line_through_every_axis(client: TestClient, finished: int) -> None:
    root = ElementTree.fromstring(client.get(f"/sweeps/{finished}/parallel.svg").content)
    lines = [each for each in root.iter(f"{SVG}path") if each.find(f"{SVG}title") is not None]
    assert len(lines) == 4
    assert all(each.attrib["d"].count("L") == 2 for each in lines)  # two fields, and the value
    board = client.get(f"/sweeps/{finished}/leaderboard").json()
    assert f"{board['items'][0]['value']:.3f}" in described(client, finished, "parallel")


def test_the_levels_of_each_field_are_drawn(client: TestClient, finished: int) -> None:
    effects = client.get(f"/sweeps/{finished}/importance").json()
    said = described(client, finished, "importance")
    for field in effects["fields"]:
        for level in field["levels"]:
            assert f"{level['level']}: {level['mean']:.3f}" in said


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_that_has_not_changed_is_304(client: TestClient, finished: int, name: str) -> None:
    path = f"/sweeps/{finished}/{name}.svg"
    tag = get(client, path).headers["etag"]
    assert get(client, path, tag).status_code == 304
    assert get(client, path, tag, metric="mcc").status_code == 200
    assert client.get(path, params={"metric": "colour"}).status_code == 422
    assert client.get(f"/sweeps/{finished + 1}/{name}.svg").status_code == 404


def test_the_page_shows_both_values_of_the_best_and_the_recommended_one(
    client: TestClient, finished: int
) -> None:
    board = client.get(f"/sweeps/{finished}/leaderboard").json()
    text = shown(client.get(f"/ui/sweeps/{finished}"))
    assert board["recommended"]["sentence"] in text
    assert f"{board['best']['measured']:.3f}" in text
    assert f"{board['best']['corrected']:.3f}" in text
    assert text.count("top group") >= 1
    assert (
        f'ui/experiments/{board["recommended"]["experiment_id"]}/test"'
        in client.get(f"/ui/sweeps/{finished}").text
    )
    assert NAME in shown(client.get("/ui/sweeps"))
    shown(client.get(f"/ui/sweeps/{finished}?metric=nll"))


def test_a_running_sweep_is_cancelled_from_its_page(client: TestClient, sweep: int) -> None:
    assert "Cancel" in shown(client.get(f"/ui/sweeps/{sweep}"))
    shown(client.post(f"/ui/sweeps/{sweep}/cancel"))
    assert client.get(f"/sweeps/{sweep}").json()["status"] == "cancelled"
    assert "Retry" in shown(client.get(f"/ui/sweeps/{sweep}"))
    assert "already ended" in shown(client.post(f"/ui/sweeps/{sweep}/cancel"), 409)
    shown(client.get(f"/ui/sweeps/{sweep + 1}"), 404)


def test_a_form_submits_the_sweep_that_it_shows(client: TestClient) -> None:
    form = {"name": "from a form", "dataset": "iris", "epochs": "2", "strategy": "grid"}
    form |= {"path_0": "loss", "range_0": "choices", "values_0": "cross_entropy, focl"}
    for path in ("/ui/sweeps/new/preview", "/ui/sweeps/new"):
        refused = client.post(path, data=form)
        assert "focal" in shown(refused, 422 if path.endswith("new") else 200)
    form["values_0"] = "cross_entropy, focal"
    checked = shown(client.post("/ui/sweeps/new/preview", data=form, headers={"X-Part": "yes"}))
    assert "Valid. 2 candidates" in checked
    shown(client.get("/ui/sweeps/new", params=form))
    response = client.post("/ui/sweeps/new", data=form, follow_redirects=False)
    assert response.status_code == 303
    sweep = client.get(f"/sweeps/{response.headers['location']}").json()
    assert (sweep["name"], sweep["candidates"]) == ("from a form", 2)
    copied = client.get("/ui/sweeps/new", params={"like": sweep["id"]}).text
    assert 'value="cross_entropy, focal"' in copied
