"""Holdout: the stepper of a worker process, which gathers rows from bytes and scales them on the way."""

import numpy as np

from benchmarks.frameworks import Steps
from benchmarks.workload import LEARNING_RATE, Workload
from workers.data.balancing import Draw
from workers.data.dataset import Dataset
from workers.data.scaling import Standard
from workers.nn.losses import CrossEntropy
from workers.nn.mixed_precision import RoundedProducts
from workers.nn.models import MLP, ConvNet, Model, Task
from workers.nn.network import build_network
from workers.nn.optimizers import Adam
from workers.objective import Objective
from workers.step import Stepper, split_into_steps


def build_steps(work: Workload, products: RoundedProducts | None = None) -> Steps:
    """Steps as `Trainer` takes them, without its bookkeeping. products: in mixed precision, with these."""
    stepper, data = stepper_of(work, products), work.data
    objective, draw = Objective(CrossEntropy(), weights=None), Draw(data.order)
    batches, done = split_into_steps(len(data.labels), work.batch, accumulate=1), 0

    def steps(count: int) -> list[float]:
        nonlocal done
        losses = []
        for number in range(done, done + count):
            losses.append(stepper.value_and_grad(objective, draw, batches[number % len(batches)]))
            stepper.update(step=number + 1, learning_rate=LEARNING_RATE)
        done += count
        return losses

    return steps


def stepper_of(work: Workload, products: RoundedProducts | None = None) -> Stepper:
    """A stepper at the initial weights."""
    data, classes, generator = work.data, work.widths[-1], np.random.default_rng(0)
    part = Dataset("bytes", data.features, data.labels, tuple(map(str, range(classes))))
    side = round(work.widths[0] ** 0.5)
    dropout = work.dropout if work.regularised else 0.0
    model: Model = MLP(hidden=work.widths[1:-1], batch_norm=work.regularised, dropout=dropout)
    if work.filters:
        model = ConvNet(filters=work.filters, hidden=())
    task = Task(work.widths[0], classes, (side, side, 1))
    network = build_network(model, task, init=generator, dropout=generator, products=products)
    if not work.filters:
        views = network.parameters.views(network.parameters.values)
        dense = [view for view in views if "weight" in view]
        for view, (weight, bias) in zip(dense, work.weights(), strict=True):
            view["weight"][...] = weight
            if "bias" in view:
                view["bias"][...] = bias
        network.round_weights()
    return Stepper(network, Adam(), part, Standard().fit(part), clip_norm=None)
