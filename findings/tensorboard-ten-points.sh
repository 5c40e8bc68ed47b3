#!/usr/bin/env bash
# tensorboard 2.21.0: EventAccumulator reads 10 of 100 scalars that TensorBoard's own writer wrote.
#
# The present writer stores a scalar as a tensor. EventAccumulator keeps 10,000 values of each old-style scalar, but by
# default only 10 of each tensor: a random sample and the last one. Its list of scalars is empty.
#
# Why it matters: curves imported from event files look like curves, with the best epoch and most others missing.
# Instead: pass size_guidance={"tensors": 0} (0 means all).
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check tensorboard==2.21.0 numpy==2.4.6

cat >expected <<'TEXT'
tensorboard 2.21.0: 100 values written under the name loss
defaults: 0 scalars, 10 tensors
size_guidance={'tensors': 0}: 0 scalars, 100 tensors
TEXT

cat >program.py <<'PYTHON'
import logging
from importlib.metadata import version

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.summary import Writer

logging.disable(logging.WARNING)
writer = Writer("events")
for step in range(100):
    writer.add_scalar("loss", 1 / (step + 1), step)
writer.close()

print(f"tensorboard {version('tensorboard')}: 100 values written under the name loss")
for options in ({}, {"size_guidance": {"tensors": 0}}):
    events = EventAccumulator("events", **options).Reload()
    named = ", ".join(f"{name}={value}" for name, value in options.items()) or "defaults"
    print(f"{named}: {len(events.Tags()['scalars'])} scalars, {len(events.Tensors('loss'))} tensors")
PYTHON

venv/bin/python program.py | tee actual
if ! diff expected actual; then
    echo "The behaviour has changed." >&2
    exit 1
fi
