"""The training loop of one run: takes a spec and two parts of a data set, and yields epoch after epoch. No I/O.

from workers.training import train

for epoch in train(spec, training_part, validation_part, seed=0):
    print(epoch.number, epoch.validation.balanced_accuracy)
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from workers.checkpoint import Checkpoint, with_prefix
from workers.data.balancing import Draw
from workers.data.balancing.draw_cache import DrawCache
from workers.data.dataset import Dataset
from workers.data.preprocessing.stored import column_arrays, scaler_arrays
from workers.data.scaling import Scaler
from workers.evaluation.evaluation import Evaluation, NonFiniteError, Predicted
from workers.evaluation.row_results import RowPredictions, RowResults
from workers.evaluation.selection import BestEpoch
from workers.evaluation.two_classes import positive_class
from workers.nn import mixed_precision
from workers.nn.arrays import Array, Integers
from workers.nn.network import build_network
from workers.nn.output_layers import predict
from workers.objective import Objective
from workers.randomness import generator
from workers.spec import ExperimentSpec
from workers.step import Stepper, split_into_steps
from workers.tasks import resolved, task_of
from workers.tasks.task import Solver
from workers.thresholds import ChosenThreshold, ThresholdRule


class Diverged(ArithmeticError):
    """The loss, a logit or a gradient became NaN or infinite. The run ends; its earlier epochs stay valid."""

    def __init__(self, epoch: int, where: str, what: str) -> None:
        remedy = "a smaller learning rate, clip_norm or smaller class weights may help"
        super().__init__(f"epoch {epoch}, {where}: {what}; {remedy}")


@dataclass(frozen=True, eq=False)
class Epoch:
    """The figures of one epoch, a pass over the rows that the balancing draws.

    number: from 1. training, validation: evaluations of the two parts with the weights at the end of the epoch,
    without dropout. drawn: examples of each class (K,) in its batches; `Balancing.expected_counts` predicts them.
    learning_rate: at the last step. gradient_norm: the global norm at the last step, before clipping. A linear model
    is solved in one epoch: it has no learning rate, and its gradient norm is the largest slope that is left.
    best_epoch: the best so far, by the spec's selection metric on the validation part. seconds: training and
    evaluation together.
    """

    number: int
    training: Evaluation
    validation: Evaluation
    drawn: Integers
    learning_rate: float | None
    gradient_norm: float
    best_epoch: int
    seconds: float


def train(
    spec: ExperimentSpec, training_part: Dataset, validation_part: Dataset, *, seed: int | None = None
) -> Iterator[Epoch]:
    """Train with one seed, by default the first of the spec. Raises Diverged."""
    return Trainer(
        spec, training_part, validation_part, seed=spec.seeds[0] if seed is None else seed
    ).epochs()


class Trainer:
    """One run: its network, its optimizer and its position. A checkpoint stores all of it exactly.

    Every random decision comes from a stream of the seed: the initial weights, dropout, and for each epoch the rows
    and their order. The same seed gives the same bits, whatever else runs and however often the run was interrupted.
    """

    def __init__(
        self,
        spec: ExperimentSpec,
        training_part: Dataset,
        validation_part: Dataset,
        *,
        seed: int,
        scaler: Scaler | None = None,
        draws: DrawCache | None = None,
    ) -> None:
        """`scaler`: by default the spec's preprocessing and scaling, fitted to the training part. draws: what other
        runs on this training part have drawn.

        Raises bfloat16.NoUnit if the spec wants bfloat16 and this processor has no unit for it.
        """
        self.spec, self.seed = (spec := resolved(spec, training_part)), seed
        self.training_part, self.validation_part = training_part, validation_part
        self.dtype = spec.training.dtype
        self.dropout = generator(seed, "dropout")
        self.scaler = scaler or spec.preprocessing.fit(training_part, spec.scaling)
        self.network = build_network(
            spec.model,
            spec.network_task(
                features=self.scaler.width,
                classes=len(training_part.classes),
                image_shape=training_part.shape,
            ),
            init=generator(seed, "init"),
            dropout=self.dropout,
            dtype=self.dtype,
            reads_zeros=self.scaler.gives_zeros,
            products=mixed_precision.products() if spec.training.is_mixed else None,
        )
        self.read_validation = self.scaler.into
        self.task = task_of(spec).fit(spec, training_part)
        self.linear = self.task.solver(self.scaler) if spec.model.solved else None
        self.stepper = Stepper(
            self.network, spec.optimizer, self.task.step_part, self.scaler, clip_norm=spec.training.clip_norm
        )
        self.sampler = self.task.sampler(self.scaler, generator(seed, "resampling"))
        self.draws, self._drawn_by = (
            draws,
            f"{seed} {spec.balancing!r} {spec.preprocessing!r} {spec.scaling!r}",
        )
        self.sampled_counts = self.task.sampled_counts
        self.best = _best_epoch(spec)
        self.best_weights: Checkpoint | None = None
        self.best_predictions: RowPredictions | None = None
        self.epoch = self.steps_done = 0
        self._planned_objective: tuple[int, Objective | None] = (0, None)

    def epochs(self, between_steps: Callable[[], None] = lambda: None) -> Iterator[Epoch]:
        """Train from the current position to the end. `between_steps` may take a checkpoint, or raise to stop.

        Raises Diverged.
        """
        if self.linear is not None:
            if self.epoch == 0:
                yield self._solve(self.linear, between_steps)
            return
        while not self.is_complete:
            yield self._train_epoch(between_steps)

    @property
    def is_complete(self) -> bool:
        """Whether all epochs are trained, or early stopping has ended the training."""
        return self.epoch >= self.spec.training.epochs or self.best.should_stop

    def _solve(self, linear: Solver, between_passes: Callable[[], None]) -> Epoch:
        """The only epoch of a linear model."""
        started = time.perf_counter()
        slope = linear.fit(self.network, between_passes)
        return self._end_epoch(1, np.rint(self.sampled_counts).astype(np.int64), None, slope, started)

    def _train_epoch(self, between_steps: Callable[[], None]) -> Epoch:
        started, number, settings = time.perf_counter(), self.epoch + 1, self.spec.training
        draw, objective = self._draw(number), self._objective()
        steps = split_into_steps(len(draw.rows), settings.batch_size, settings.accumulate)
        steps_before, total_steps = self.epoch * len(steps), settings.epochs * len(steps)
        base_learning_rate, schedule = self.spec.optimizer.learning_rate, settings.schedule
        factors = schedule.factors(steps_before, total_steps, len(steps))
        rates = [base_learning_rate * factor for factor in factors]
        gradient_norm = 0.0
        while self.steps_done < len(steps):
            between_steps()
            self.steps_done += self.stepper.take(objective, draw, steps, self.steps_done, steps_before, rates)
            if self.steps_done == len(steps):
                gradient_norm = self.stepper.gradient_norm()
                break
            index = self.steps_done
            loss = self.stepper.value_and_grad(objective, draw, steps[index])
            if not math.isfinite(loss):
                raise Diverged(number, f"step {index + 1}", f"the loss is {loss}")
            if index + 1 == len(steps):
                gradient_norm = self.stepper.gradient_norm()
            self.stepper.update(step=steps_before + index + 1, learning_rate=rates[index])
            self.steps_done = index + 1
        learning_rate = rates[-1] if rates else 0.0
        return self._end_epoch(number, self._count_drawn(draw), learning_rate, gradient_norm, started)

    def _draw(self, epoch: int) -> Draw:
        """The rows of an epoch, from 1."""

        def draw() -> Draw:
            resampling, shuffling = (
                generator(self.seed, "resampling", epoch),
                generator(self.seed, "shuffling", epoch),
            )
            return self.sampler(resampling, shuffling)

        return draw() if self.draws is None else self.draws.get((self._drawn_by, epoch), draw)

    def _objective(self) -> Objective:
        """That of the present epoch, which its steps and both evaluations share."""
        epoch, objective = self._planned_objective
        if epoch != self.epoch or objective is None:
            objective = self.task.objective(self.epoch / self.spec.training.epochs)
            self._planned_objective = self.epoch, objective
        return objective

    def _count_drawn(self, draw: Draw) -> Integers:
        """Examples of each class (K,). A mixed example counts once: both of its rows are of the same class."""
        labels: Integers = self.training_part.labels[draw.rows]
        return np.bincount(labels, minlength=len(self.training_part.classes))

    def _end_epoch(
        self,
        number: int,
        drawn: Integers,
        learning_rate: float | None,
        gradient_norm: float,
        started: float,
    ) -> Epoch:
        try:
            on_training, _ = self._evaluate(self.training_part)
            on_validation, predictions = self._evaluate(self.validation_part)
        except NonFiniteError as error:
            raise Diverged(number, "evaluation", str(error)) from error
        self.epoch, self.steps_done = number, 0
        if self.best.update(number, on_validation.metrics[self.spec.selection_metric]):
            self.best_weights, self.best_predictions = self._copy_weights(), predictions()
        return Epoch(
            number=number,
            training=on_training,
            validation=on_validation,
            drawn=drawn,
            learning_rate=learning_rate,
            gradient_norm=gradient_norm,
            best_epoch=self.best.epoch or number,
            seconds=time.perf_counter() - started,
        )

    def _evaluate(self, part: Dataset) -> tuple[Evaluation, Predicted]:
        """All metrics and the predictions on one part."""
        read = self.read_validation if part is self.validation_part else self.scaler.into
        logits = self.network.logits(part.features, read, features=self.scaler.width)
        return self.task.evaluate(logits, part, self._objective())

    def _copy_weights(self) -> Checkpoint:
        """A copy of the network's parameters and running statistics."""
        arrays = {"parameters": self.network.parameters.values} | self.network.statistics()
        return Checkpoint(self.epoch, _copied(arrays))

    def model(self) -> Checkpoint:
        """Everything that prediction needs.

        The network of the best epoch: `parameters` (P,), and the running statistics by name. What surrounds it:
        `scaling.offset`, `scaling.factor` and, if they exist, the arrays of the preprocessing, what the task adds,
        and the data set's `data.offset` and `data.columns`.
        """
        network = self.best_weights or self._copy_weights()
        around = scaler_arrays(self.scaler) | column_arrays(self.training_part.columns)
        around |= self.task.arrays()
        if self.training_part.offset is not None:
            around["data.offset"] = self.training_part.offset
        if threshold := self._threshold():
            around |= threshold.arrays()
        return replace(network, arrays={**network.arrays, **around})

    def evaluate_selected(self, part: Dataset, rows: Integers) -> tuple[Evaluation, RowResults]:
        """Evaluate the network of the best epoch on another part, once the training is over. Raises Diverged.

        rows: (n,), the indices of its rows in the data set.
        """
        selected = self.best.epoch or self.epoch
        if self.best_weights is not None:
            self._load_weights(self.best_weights)
        self.epoch = selected - 1  # the weighted loss is that of the selected epoch
        try:
            evaluation, predictions = self._evaluate(part)
        except NonFiniteError as error:
            raise Diverged(selected, "evaluation", str(error)) from error
        return evaluation, RowResults.of(predictions(), rows, part.labels, len(part.classes), part.targets)

    def _threshold(self) -> ChosenThreshold | None:
        """The threshold for the network of the best epoch, chosen on the validation part; None without a rule."""
        rule, part = self.spec.prediction, self.validation_part
        if not isinstance(rule, ThresholdRule):
            return None
        positive = positive_class(self.training_part.counts.tolist())
        scores = self._selected_outputs(part)[:, positive]
        point = rule.choose(scores, part.labels == positive, positive)
        return ChosenThreshold(positive, point.threshold, point.value)

    def _selected_outputs(self, part: Dataset) -> Array:
        """The outputs of the network of the best epoch, (n, K). The network stays as it is."""
        present = self._copy_weights()
        self._load_weights(self.best_weights or present)
        logits = self.network.logits(part.features, self.scaler.into, features=self.scaler.width)
        outputs, _ = predict(logits, self.spec.loss.output)
        self._load_weights(present)
        return outputs

    def _load_weights(self, weights: Checkpoint) -> None:
        statistics = {name: array for name, array in weights.arrays.items() if name != "parameters"}
        self.network.load(weights.arrays["parameters"], statistics)

    def row_results(self, rows: Integers) -> RowResults | None:
        """What the best epoch predicted for the validation rows; `rows` (n,) are their indices in the data set.

        None if the best epoch lies before a checkpoint of a version that did not store the predictions.
        """
        if self.best_predictions is None:
            return None
        part = self.validation_part
        return RowResults.of(self.best_predictions, rows, part.labels, len(part.classes), part.targets)

    def checkpoint(self) -> Checkpoint:
        """Everything that a resume to the same bits needs, at the current step."""
        best = self.best_weights.arrays if self.best_weights else {}
        arrays = {
            "parameters": self.network.parameters.values,
            **with_prefix("statistics", self.network.statistics()),
            **with_prefix("optimizer", self.stepper.state),
            **with_prefix("best", best),
            **with_prefix("rows", self.best_predictions.arrays() if self.best_predictions else {}),
            **with_prefix("solver", self.linear.arrays() if self.linear else {}),
        }
        state = {
            "solver": self.linear.state() if self.linear else {},
            "steps_done": self.steps_done,
            "best": self.best.state(),
            "dropout": self.dropout.bit_generator.state,
        }
        return Checkpoint(self.epoch, _copied(arrays), state)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue from `checkpoint`, which a run of the same spec, data and seed took."""
        self.network.load(checkpoint.arrays["parameters"], checkpoint.group("statistics"))
        for name, array in checkpoint.group("optimizer").items():
            self.stepper.state[name][...] = array
        if self.linear is not None:
            self.linear.restore(checkpoint.group("solver"), checkpoint.state["solver"])
        self.best.load(checkpoint.state["best"])
        if best := checkpoint.group("best"):
            self.best_weights = Checkpoint(self.best.epoch or 0, best)
        self.best_predictions = RowPredictions.from_arrays(checkpoint.group("rows"))
        self.dropout.bit_generator.state = checkpoint.state["dropout"]
        self.epoch, self.steps_done = checkpoint.epoch, checkpoint.state["steps_done"]


def _copied(arrays: dict[str, Array]) -> dict[str, Array]:
    return {name: array.copy() for name, array in arrays.items()}


def _best_epoch(spec: ExperimentSpec) -> BestEpoch:
    stopping = spec.training.early_stopping
    if stopping is None:
        return BestEpoch(spec.selection_metric)
    return BestEpoch(spec.selection_metric, patience=stopping.patience, min_delta=stopping.min_delta)
