#!/usr/bin/env bash
# MLflow 3.17.2: the "latest" value of a metric is the largest one of its newest step and millisecond.
#
# Without step, every log_metric is step 0, and the timestamp has milliseconds. Of values with the same step and time,
# the database stores the largest as the latest: 0.1, 0.9, 0.5 in a row leave 0.9, also where smaller is better.
#
# Why it matters: a loop that logs one loss per fold shows its worst fold, and one that logs accuracies shows its best.
# Instead: pass a step that counts up.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check mlflow==3.17.2

cat >expected <<'TEXT'
mlflow 3.17.2
logged 0.1, 0.9, 0.5 at step 0 in one millisecond: latest 0.9
history: [0.1, 0.5, 0.9]
logged 0.1, 0.9, 0.5 at steps 0, 1, 2: latest 0.5
TEXT

cat >program.py <<'PYTHON'
import logging
import os
import tempfile

os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
logging.disable(logging.WARNING)
import mlflow

mlflow.set_tracking_uri(f"sqlite:///{tempfile.mkdtemp(dir=os.getcwd())}/mlflow.db")
client = mlflow.MlflowClient()
experiment = client.create_experiment("metrics")


def logged(steps):
    run = client.create_run(experiment).info.run_id
    for value, step in zip((0.1, 0.9, 0.5), steps):
        client.log_metric(run, "loss", value, timestamp=1000, step=step)
    return client.get_run(run).data.metrics["loss"], client.get_metric_history(run, "loss")


print("mlflow", mlflow.__version__)
latest, history = logged((0, 0, 0))
print("logged 0.1, 0.9, 0.5 at step 0 in one millisecond: latest", latest)
print("history:", sorted(metric.value for metric in history))
print("logged 0.1, 0.9, 0.5 at steps 0, 1, 2: latest", logged((0, 1, 2))[0])
PYTHON

venv/bin/python program.py | tee actual
if ! diff expected actual; then
    echo "The behaviour has changed." >&2
    exit 1
fi
