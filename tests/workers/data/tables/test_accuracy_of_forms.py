"""Models of the forms that real tables have are as accurate as scikit-learn's on the same encoded rows."""

from pathlib import Path

import numpy as np
import pytest

from tests.workers.data.tables.common_forms import Form
from tests.workers.data.tables.test_common_forms import ALL, read
from workers.evaluation.intervals import wilson
from workers.spec import ExperimentSpec
from workers.training import Trainer

linear_model = pytest.importorskip(
    "sklearn.linear_model", reason="scikit-learn is the oracle; install holdout[oracles]"
)
CLASSIFIED = {name: form for name, form in ALL.items() if not form.targets and len(form.classes) < 10}


@pytest.mark.sampled(16)
@pytest.mark.parametrize("form", CLASSIFIED.values(), ids=list(CLASSIFIED))
def test_the_accuracy_of_scikit_learn_is_within_the_interval_of_ours(form: Form, tmp_path: Path) -> None:
    contents, _ = read(tmp_path / "mine", form, form.answers)
    assert contents is not None
    rows = np.arange(len(contents.dataset))
    training, validation = (contents.dataset.take(rows[rows % 2 == part]) for part in (0, 1))
    spec = ExperimentSpec.model_validate({"model": "linear"})
    trainer = Trainer(spec, training, validation, seed=0)
    (epoch,) = trainer.epochs()
    ours = epoch.validation.metrics["accuracy"] or 0.0
    encoded = [
        trainer.scaler.into(part.features, np.empty((len(part), trainer.scaler.width)))
        for part in (training, validation)
    ]
    assert all(np.isfinite(part).all() for part in encoded)
    model = linear_model.LogisticRegression(max_iter=1000).fit(encoded[0], training.labels)
    theirs = model.score(encoded[1], validation.labels)
    interval = wilson(round(ours * len(validation)), len(validation))
    assert interval is not None
    print(f"ours {ours:.3f} [{interval.low:.2f}, {interval.high:.2f}], scikit-learn {theirs:.3f}")  # noqa: T201
    assert interval.low <= theirs <= interval.high
