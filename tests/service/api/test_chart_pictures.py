"""Charts as PNG: the picture of the SVG at the same address, with its errors, and 304 without drawing it."""

import struct
import subprocess
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.charts import rasterizer
from tests.service.conditional import get
from tests.service.fake_worker import CONFUSION, FakeWorker

pytest.importorskip("resvg_py", reason="pip install resvg-py")


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Nothing here depends on the database."""
    return sqlite_url


@pytest.fixture
def running(fake_worker: FakeWorker) -> int:
    experiment_id = fake_worker.submit(name="<script>&")
    fake_worker.claim()
    fake_worker.epoch(experiment_id, 1, CONFUSION)
    return experiment_id


def size_of(content: bytes) -> tuple[int, int]:
    assert content.startswith(b"\x89PNG")
    width, height = struct.unpack(">2I", content[16:24])
    return width, height


def test_a_picture_has_the_pixels_asked_for(client: TestClient, running: int) -> None:
    path = f"/experiments/{running}/charts/classes.png"
    for query, width in (({}, 720), ({"scale": 2}, 1440), ({"width": 340, "scale": 3}, 1020)):
        response = client.get(path, params=query)
        assert response.headers["content-type"] == "image/png"
        assert size_of(response.content)[0] == width


def test_a_picture_that_has_not_changed_is_not_drawn_again(
    client: TestClient, fake_worker: FakeWorker, running: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/experiments/{running}/charts/curves.png"
    tag = get(client, path).headers["etag"]
    assert tag != get(client, path.replace("png", "svg")).headers["etag"]
    monkeypatch.setattr(subprocess, "run", None)
    again = get(client, path, tag)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    monkeypatch.undo()
    assert get(client, path, tag, scale=2).status_code == 200
    fake_worker.epoch(running, 2, CONFUSION)
    assert get(client, path, tag).status_code == 200


def test_every_kind_of_chart_has_pictures(client: TestClient, fake_worker: FakeWorker, running: int) -> None:
    other = fake_worker.submit()
    body = {"spec": {"dataset": "iris"}, "space": {"loss": ["focal", "cross_entropy"]}}
    sweep = client.post("/sweeps", json=body).json()["id"]
    ids = {"ids": f"{running},{other}"}
    asked: list[tuple[str, dict[str, str]]] = [
        *((f"/experiments/{running}/charts/{name}", {}) for name in ("confusion", "sparkline")),
        *((f"/comparisons/{name}", ids) for name in ("chart", "curves")),
        *((f"/sweeps/{sweep}/{name}", {}) for name in ("chart", "parallel", "importance")),
    ]
    for path, query in asked:
        response = client.get(f"{path}.png", params={**query, "scale": "1"})
        assert response.status_code == 200, (path, response.text)
        assert size_of(response.content)[0] > 0


def test_the_problem_of_the_chart_is_that_of_the_picture(client: TestClient, running: int) -> None:
    for path, status in (
        ("roc", 404),
        ("classes.png?seed=9&metric=luck", 422),
        ("curves.png?positive=x", 422),
    ):
        name = path if ".png" in path else f"{path}.png"
        response = client.get(f"/experiments/{running}/charts/{name}")
        assert response.status_code == status, response.text
        assert response.headers["content-type"] == "application/problem+json"
    assert client.get(f"/experiments/{running + 9}/charts/curves.png").status_code == 404
    assert client.get(f"/experiments/{running}/charts/luck.png").status_code in (404, 422)


@pytest.mark.parametrize("missing", ["resvg_py", "font"])
def test_without_library_or_font_the_answer_says_what_to_install(
    client: TestClient, running: int, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if missing == "font":
        monkeypatch.setattr(rasterizer, "font_family", lambda: None)
    else:
        monkeypatch.setattr(rasterizer, "find_spec", lambda name: None)
    response = client.get(f"/experiments/{running}/charts/curves.png")
    assert (response.status_code, response.json()["type"]) == (501, "/problems/no-rasterizer")
    assert ("fonts-dejavu-core" if missing == "font" else "resvg-py") in response.json()["detail"]


def test_colours_are_those_of_the_theme(client: TestClient, running: int) -> None:
    shown: dict[str, Any] = {
        theme: client.get(f"/experiments/{running}/charts/curves.png", params={"theme": theme}).content
        for theme in ("light", "dark", "print")
    }
    assert len(set(shown.values())) == 3
    assert client.get(f"/experiments/{running}/charts/curves.png").content == shown["light"]
