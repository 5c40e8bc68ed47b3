#!/usr/bin/env bash
# torchmetrics 1.9.0: the AUROC of the same scores depends on the size of the batches.
#
# BinaryAUROC takes probabilities or logits, and decides for each batch: if all its scores lie in [0, 1] they are taken as
# they are, otherwise they pass through a sigmoid. Logits that all happen to lie in [0, 1] are then mixed with sigmoids of
# others, and the ranks change. Small batches are the likely ones.
#
# Why it matters: the last, short batch of an epoch is enough; with batches of one row AUROC falls from .766 to .734.
# Instead: apply the sigmoid before update().
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torchmetrics==1.9.0 torch==2.13.0 scikit-learn==1.9.1 numpy==2.4.6

cat >expected <<'TEXT'
torchmetrics 1.9.0, 1000 logits
scikit-learn: 0.766
batches of 1000: 0.766
batches of 10: 0.766
batches of 4: 0.765
batches of 1: 0.734
batches of 1, sigmoid before: 0.766
TEXT

cat >program.py <<'PYTHON'
import numpy as np
import torch
import torchmetrics
from sklearn.metrics import roc_auc_score
from torchmetrics.classification import BinaryAUROC

generator = np.random.default_rng(0)
target = torch.tensor(generator.random(1000) < 0.3).long()
logits = torch.tensor(generator.normal(size=1000)) + target


def auroc(scores, batch):
    metric = BinaryAUROC()
    for start in range(0, len(scores), batch):
        metric.update(scores[start : start + batch], target[start : start + batch])
    return metric.compute().item()


print(f"torchmetrics {torchmetrics.__version__}, 1000 logits")
print(f"scikit-learn: {roc_auc_score(target, logits):.3f}")
for batch in (1000, 10, 4, 1):
    print(f"batches of {batch}: {auroc(logits, batch):.3f}")
print(f"batches of 1, sigmoid before: {auroc(torch.sigmoid(logits), 1):.3f}")
PYTHON

venv/bin/python program.py | tee actual
if ! diff expected actual; then
    echo "The behaviour has changed." >&2
    exit 1
fi
