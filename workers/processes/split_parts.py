"""The parts of the prepared split that a worker process has read last: its next run often is on the same ones."""

from functools import cached_property
from pathlib import Path

from workers.data.balancing.draw_cache import DrawCache
from workers.data.dataset import Dataset, Indices
from workers.data.prepared_splits import has_evaluation_part, read_part, read_rows
from workers.data.scaling import Scaler
from workers.spec import ExperimentSpec


class SplitParts:
    """The parts of one prepared split, each read on first use; the scalers fitted to its training part, and what
    was drawn from it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.draws = folder, DrawCache()
        self._scalers: dict[str, Scaler] = {}

    @cached_property
    def training(self) -> Dataset:
        return read_part(self.folder, "train")

    @cached_property
    def validation(self) -> Dataset:
        return read_part(self.folder, "validation")

    @cached_property
    def evaluation(self) -> Dataset | None:
        """The evaluation part of a fold; None of a single split."""
        return read_part(self.folder, "evaluation") if has_evaluation_part(self.folder) else None

    @property
    def measured(self) -> Dataset:
        """The part that the figures of a run are of."""
        return self.validation if self.evaluation is None else self.evaluation

    @cached_property
    def measured_rows(self) -> Indices:
        """The index (n,) of each of its rows in the data set."""
        return read_rows(self.folder, "validation" if self.evaluation is None else "evaluation")

    def scaler(self, spec: ExperimentSpec) -> Scaler:
        """The preprocessing and the scaling of a resolved spec, fitted to the training part."""
        key = f"{spec.preprocessing!r} {spec.scaling!r}"
        if key not in self._scalers:
            self._scalers[key] = spec.preprocessing.fit(self.training, spec.scaling)
        return self._scalers[key]


class LastSplit:
    """Returns the parts of a prepared split, and keeps those of the last one."""

    def __init__(self) -> None:
        self._last: SplitParts | None = None

    def parts(self, folder: Path) -> SplitParts:
        """The parts in a folder."""
        if self._last is None or self._last.folder != folder:
            self.clear()
            self._last = SplitParts(folder)
        return self._last

    def clear(self) -> None:
        """Drop the parts: the rows of a fold are in memory."""
        self._last = None
