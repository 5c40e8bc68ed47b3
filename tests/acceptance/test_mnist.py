"""The four original MNIST files, from POST to per-class accuracy."""

import pytest

from tests.acceptance.conftest import MNIST, ServiceClient

pytestmark = pytest.mark.skipif(not MNIST.is_dir(), reason=f"the MNIST files are not in {MNIST}")


@pytest.mark.thorough
def test_an_mlp_reaches_an_accuracy_of_097_on_unseen_digits(service: ServiceClient) -> None:
    spec = {"dataset": "mnist", "scaling": "minmax", "model": {"hidden": [128]}, "training": {"epochs": 5}}
    ended = service.finished(service.submit(**spec, split={"train": 0.9, "validation": 0.05, "test": 0.05}))
    assert ended["plan"]["dataset"]["rows"] == 60_000
    assert ended["summary"]["metrics"]["accuracy"]["mean"] >= 0.97
    classes = service.get(f"/experiments/{ended['id']}/classes", split="validation", epoch="best")["items"]
    assert [each["class"] for each in classes] == [str(digit) for digit in range(10)]
    assert min(each["accuracy"] for each in classes) > 0.9


def test_the_official_test_part_is_used_whole(service: ServiceClient) -> None:
    response = service.http.post(
        "/experiments/validate", json={"dataset": "mnist", "split": {"test": "official"}}
    )
    counts = response.json()["split_counts"]
    assert [sum(counts[part]) for part in ("train", "validation", "test")] == [48_000, 12_000, 10_000]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_small_convolutional_net_reaches_0985(service: ServiceClient) -> None:
    spec = {"dataset": "mnist", "scaling": "global_standard", "model": "convnet", "training": {"epochs": 5}}
    experiment = service.submit(**spec)
    ended = service.until(experiment, lambda state: state["finished_at"] is not None)
    assert ended["summary"]["metrics"]["accuracy"]["mean"] >= 0.985
