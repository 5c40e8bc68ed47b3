"""Training: a spec and two parts of a data set in, one epoch after another out. No I/O.

from workers.training import train

for epoch in train(spec, training, validation, seed=0):
    print(epoch.number, epoch.validation.balanced_accuracy)
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from workers.checkpoint import Checkpoint, grouped
from workers.data.balancing import Draw
from workers.data.dataset import Dataset
from workers.evaluation.baselines import Baseline, baseline_rows, linear_baseline
from workers.evaluation.evaluation import Evaluation, NonFiniteError, evaluate
from workers.evaluation.selection import BestEpoch
from workers.logit_adjustment import scores
from workers.nn.arrays import Array, Integers, Shape
from workers.nn.models import Task
from workers.nn.network import build_network
from workers.nn.output_layers import is_distribution
from workers.objective import Objective, objective_at
from workers.randomness import generator
from workers.spec import ExperimentSpec
from workers.step import Stepper, steps_of


class Diverged(ArithmeticError):
    """A NaN or an infinity arose: the run ends with what it has."""

    def __init__(self, epoch: int, where: str, what: str) -> None:
        remedy = "a smaller learning rate, clip_norm or smaller class weights may help"
        super().__init__(f"epoch {epoch}, {where}: {what}; {remedy}")


@dataclass(frozen=True, eq=False)
class Epoch:
    """What one pass left behind. The evaluations are of the weights at its end, without dropout.

    drawn: examples of each class (K,) that its steps were made of; `Balancing.expected_counts` foretells them.
    gradient_norm: global norm at the last step, before clipping. best_epoch: the best so far, by the spec's
    selection metric on the validation part. seconds: training and evaluation together.
    """

    number: int
    training: Evaluation
    validation: Evaluation
    drawn: Integers
    learning_rate: float
    gradient_norm: float
    best_epoch: int
    seconds: float


def train(
    spec: ExperimentSpec, training: Dataset, validation: Dataset, *, seed: int | None = None
) -> Iterator[Epoch]:
    """Train with one seed, by default the spec's first. Raises Diverged."""
    return Trainer(spec, training, validation, seed=spec.seeds[0] if seed is None else seed).epochs()


def task_of(spec: ExperimentSpec, *, features: int, classes: int, image_shape: Shape | None) -> Task:
    """What the data and the loss ask of a network."""
    scale = getattr(spec.loss, "scale", 1.0)
    return Task(features, classes, image_shape, spec.loss.output, scale)


class Trainer:
    """One run: its network, its optimizer and its position, which a checkpoint holds to the last bit.

    Every random decision is drawn from a stream of the seed: initial weights, dropout, and for each epoch the
    rows and their order. The same seed gives the same bits alone or in company, interrupted or not.
    """

    def __init__(self, spec: ExperimentSpec, training: Dataset, validation: Dataset, *, seed: int) -> None:
        self.spec, self.seed = spec, seed
        self.dtype = np.dtype(spec.training.precision)
        self.dropout = generator(seed, "dropout")
        features, classes = training.features.shape[1], len(training.classes)
        self.network = build_network(
            spec.model,
            task_of(spec, features=features, classes=classes, image_shape=training.shape),
            init=generator(seed, "init"),
            dropout=self.dropout,
            dtype=self.dtype,
        )
        self.training, self.validation = training, validation
        self.scaler = spec.scaling.fit(training)
        self.stepper = Stepper(
            self.network, spec.optimizer, training, self.scaler, clip_norm=spec.training.clip_norm
        )
        self.sampler = spec.balancing.prepare(training, self.scaler, generator(seed, "resampling"))
        self.sampled_counts = spec.balancing.expected_counts(training.counts)
        self.offset = spec.prediction.offset(training.counts, self.sampled_counts)
        self.best = _selection(spec)
        self.best_weights: Checkpoint | None = None
        self.epoch = self.steps_done = 0

    def epochs(self, between_steps: Callable[[], None] = lambda: None) -> Iterator[Epoch]:
        """Train on from where this run stands. `between_steps` may take a checkpoint, or raise to stop."""
        while self.epoch < self.spec.training.epochs and not self.best.should_stop:
            yield self._train_epoch(between_steps)

    def _train_epoch(self, between_steps: Callable[[], None]) -> Epoch:
        started, number, settings = time.perf_counter(), self.epoch + 1, self.spec.training
        draw = self.sampler(
            generator(self.seed, "resampling", number), generator(self.seed, "shuffling", number)
        )
        objective = self._objective()
        steps = steps_of(len(draw.rows), settings.batch_size, settings.accumulate)
        first, last = self.epoch * len(steps), settings.epochs * len(steps)
        highest, schedule = self.spec.optimizer.learning_rate, settings.schedule
        norm = learning_rate = 0.0
        for index in range(self.steps_done, len(steps)):
            between_steps()
            value = self.stepper.gradient(objective, draw, steps[index])
            if not math.isfinite(value):
                raise Diverged(number, f"step {index + 1}", f"the loss is {value}")
            if index + 1 == len(steps):
                norm = self.stepper.gradient_norm()
            learning_rate = highest * schedule(first + index, last, len(steps))
            self.stepper.update(step=first + index + 1, learning_rate=learning_rate)
            self.steps_done = index + 1
        return self._end_epoch(number, self._drawn(draw), learning_rate, norm, started)

    def _objective(self) -> Objective:
        return objective_at(
            self.epoch / self.spec.training.epochs,
            loss=self.spec.loss,
            weighting=self.spec.class_weights,
            sampled_counts=self.sampled_counts,
            dtype=self.dtype,
        )

    def _drawn(self, draw: Draw) -> Integers:
        """Examples of each class (K,); one that is mixed has both its rows from the same class."""
        labels: Integers = self.training.labels[draw.rows]
        return np.bincount(labels, minlength=len(self.training.classes))

    def _end_epoch(
        self, number: int, drawn: Integers, learning_rate: float, norm: float, started: float
    ) -> Epoch:
        try:
            training, validation = self._evaluate(self.training), self._evaluate(self.validation)
        except NonFiniteError as error:
            raise Diverged(number, "evaluation", str(error)) from error
        self.epoch, self.steps_done = number, 0
        if self.best.update(number, validation.metrics[self.spec.selection_metric]):
            self.best_weights = self._weights()
        return Epoch(
            number=number,
            training=training,
            validation=validation,
            drawn=drawn,
            learning_rate=learning_rate,
            gradient_norm=norm,
            best_epoch=self.best.epoch or number,
            seconds=time.perf_counter() - started,
        )

    def _evaluate(self, part: Dataset) -> Evaluation:
        """All metrics on one part. The loss is the plain one: where counts enter, they enter training alone."""
        logits = self.network.logits(part.features, self.scaler.into)
        losses, _ = self.spec.loss(logits, part.labels)
        return evaluate(
            scores(logits, self.spec.loss.output, self.offset),
            part.labels,
            losses=losses,
            class_weights=self._objective().weights,
            distribution=is_distribution(self.spec.loss.output),
        )

    def _weights(self) -> Checkpoint:
        """The network as it stands, copied."""
        arrays = {"parameters": self.network.parameters.values} | self.network.statistics()
        return Checkpoint(self.epoch, {name: array.copy() for name, array in arrays.items()})

    def linear_baseline(self) -> Baseline:
        """What softmax regression reaches on the validation part, from the same features."""
        rows = baseline_rows(self.training.labels, self.training.features.shape[1])
        return linear_baseline(
            self.scaler(self.training.features[rows]),
            self.training.labels[rows],
            self.scaler(self.validation.features),
            self.validation.labels,
            classes=len(self.training.classes),
        )

    def model(self) -> Checkpoint:
        """All that predicting takes. The network of the best epoch: `parameters` (P,) and the running statistics by
        name; and what is around it: `scaling.offset`, `scaling.factor` and, if there are, `prediction.offset` and the
        `data.offset` of the data set.
        """
        network = self.best_weights or self._weights()
        around: dict[str, Array] = {
            "scaling.offset": self.scaler.offset,
            "scaling.factor": self.scaler.factor,
        }
        if self.offset is not None:
            around["prediction.offset"] = self.offset
        if self.training.offset is not None:
            around["data.offset"] = self.training.offset
        return replace(network, arrays={**network.arrays, **around})

    def checkpoint(self) -> Checkpoint:
        """All that a bit-identical resume needs, at this very step."""
        best = self.best_weights.arrays if self.best_weights else {}
        arrays = {
            "parameters": self.network.parameters.values,
            **grouped("statistics", self.network.statistics()),
            **grouped("optimizer", self.stepper.state),
            **grouped("best", best),
        }
        state = {
            "steps_done": self.steps_done,
            "best": self.best.state(),
            "dropout": self.dropout.bit_generator.state,
        }
        return Checkpoint(self.epoch, {name: array.copy() for name, array in arrays.items()}, state)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on where `checkpoint` was taken, by a run of the same spec, data and seed."""
        self.network.load(checkpoint.arrays["parameters"], checkpoint.group("statistics"))
        for name, array in checkpoint.group("optimizer").items():
            self.stepper.state[name][...] = array
        self.best.load(checkpoint.state["best"])
        if best := checkpoint.group("best"):
            self.best_weights = Checkpoint(self.best.epoch or 0, best)
        self.dropout.bit_generator.state = checkpoint.state["dropout"]
        self.epoch, self.steps_done = checkpoint.epoch, checkpoint.state["steps_done"]


def _selection(spec: ExperimentSpec) -> BestEpoch:
    stopping = spec.training.early_stopping
    if stopping is None:
        return BestEpoch(spec.selection_metric)
    return BestEpoch(spec.selection_metric, patience=stopping.patience, min_delta=stopping.min_delta)
