"""`"precision": "bfloat16"` is refused at its field, on every way in, where nothing multiplies it faster."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from workers.bfloat16 import NoUnit
from workers.nn import mixed_precision
from workers.nn.mixed_precision import EmulatedProducts

SPEC: dict[str, Any] = {"dataset": "iris", "training": {"epochs": 1, "precision": "bfloat16"}}
SWEEP: dict[str, Any] = {
    "spec": {"dataset": "iris", "training": {"epochs": 1}},
    "space": {"training.precision": ["float32", "bfloat16"]},
}


@pytest.fixture
def without_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> Any:
        raise NoUnit("this processor has no unit for bfloat16", 'train with "precision": "float32"')

    monkeypatch.setattr(mixed_precision, "products", refuse)


@pytest.mark.usefixtures("without_unit")
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/experiments", SPEC),
        ("/experiments/validate", SPEC),
        ("/sweeps", SWEEP),
        ("/sweeps/validate", SWEEP),
    ],
)
def test_it_is_refused_with_the_reason_and_the_remedy(path: str, body: Any, client: TestClient) -> None:
    response = client.post(path, json=body)
    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert "training.precision" in error["path"]
    assert 'no unit for bfloat16; train with "precision": "float32"' in error["message"]
    assert client.get("/experiments").json()["items"] == []


def test_where_there_is_a_unit_a_sweep_compares_precisions(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mixed_precision, "products", EmulatedProducts)
    response = client.post("/experiments", json=SPEC)
    assert response.status_code == 202
    assert "small_products" in [each["code"] for each in response.json()["warnings"]]
    assert client.post("/sweeps", json=SWEEP).json()["candidates"] == 2


def test_a_linear_model_is_solved_in_full_precision(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mixed_precision, "products", EmulatedProducts)
    (error,) = client.post("/experiments", json=SPEC | {"model": "linear"}).json()["errors"]
    assert (error["path"], "solved" in error["message"]) == ("training.precision", True)
