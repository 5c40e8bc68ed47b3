"""MNIST with five digits thinned 100:1: what the default scaling and a frequency-aware loss are worth."""

import pytest

from tests.acceptance import conftest
from tests.acceptance.conftest import MNIST, Experiments

pytestmark = pytest.mark.skipif(not MNIST.is_dir(), reason=f"the MNIST files are not in {MNIST}")


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("loss", "balanced_accuracy"), [("cross_entropy", 0.78), ("balanced_softmax", 0.88)])
def test_the_default_scaling_serves_rare_digits(
    service: Experiments, loss: str, balanced_accuracy: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conftest, "PATIENCE_SECONDS", 850)
    spec = {
        "dataset": {"name": "mnist", "imbalance": {"kind": "step", "ratio": 100}},
        "model": {"hidden": [100]},
        "loss": loss,
        "optimizer": {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9},
        "training": {"epochs": 30, "batch_size": 128},
        "seeds": [0, 1, 2],
    }
    over = service.finished(service.submit(**spec))
    assert over["spec"]["scaling"] == {"name": "unit"}
    reached = over["summary"]["metrics"]["balanced_accuracy"]["mean"]
    print(f"\n{loss}: balanced accuracy {reached:.4f}")  # noqa: T201 -- the figure, with -s
    assert reached >= balanced_accuracy
