"""MNIST with five digits thinned 100:1: the effect of the default scaling and of a frequency-aware loss."""

import pytest

from tests.acceptance import conftest
from tests.acceptance.conftest import MNIST, ServiceClient

pytestmark = pytest.mark.skipif(not MNIST.is_dir(), reason=f"the MNIST files are not in {MNIST}")


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("loss", "balanced_accuracy"), [("cross_entropy", 0.78), ("balanced_softmax", 0.88)])
def test_rare_digits_are_learned_with_the_default_scaling(
    service: ServiceClient, loss: str, balanced_accuracy: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conftest, "TIMEOUT_SECONDS", 850)
    spec = {
        "dataset": {"name": "mnist", "imbalance": {"kind": "step", "ratio": 100}},
        "model": {"hidden": [100]},
        "loss": loss,
        "optimizer": {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9},
        "training": {"epochs": 30, "batch_size": 128},
        "seeds": [0, 1, 2],
    }
    ended = service.finished(service.submit(**spec))
    assert ended["spec"]["scaling"] == {"name": "unit"}
    reached = ended["summary"]["metrics"]["balanced_accuracy"]["mean"]
    print(f"\n{loss}: balanced accuracy {reached:.4f}")  # noqa: T201 -- the figure, with -s
    assert reached >= balanced_accuracy
