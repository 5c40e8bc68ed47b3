"""What the plan of an experiment asks about data sets and their splits; and answers that many plans share."""

from collections.abc import Callable, Hashable, Mapping
from typing import Any, Protocol, TypeVar

from workers.data.dataset import Dataset
from workers.data.exposed_rows import ExposedRows
from workers.data.far_rows_of_split import FarRowsOfSplit
from workers.data.gaps_of_split import ColumnGaps
from workers.data.prepared_splits import PartCounts
from workers.data.preprocessing import Preprocessing
from workers.data.scaling import Scaling
from workers.data.sources import Source
from workers.data.split_rows import SplitRows
from workers.data.splits import Fold, Part, Split

T = TypeVar("T")
ONLY_FOLD = Fold()


class PlanningData(Protocol):
    """What plans need of a `DatasetRegistry`, which has these methods and says what they raise."""

    def load(self, source: Source) -> Dataset: ...
    def fold_counts(self, source: Source, split: Split) -> Mapping[Fold, PartCounts]: ...
    def split_rows(self, source: Source, split: Split, fold: Fold = ONLY_FOLD) -> SplitRows: ...
    def exposed_rows(self, source: Source, split: Split) -> ExposedRows: ...
    def repeated_rows(self, source: Source, split: Split) -> Mapping[Part, int]: ...
    def far_rows(self, source: Source, split: Split, scaling: Scaling) -> FarRowsOfSplit | None: ...
    def gaps(self, source: Source, split: Split) -> tuple[ColumnGaps, ...]: ...
    def input_width(self, source: Source, split: Split, preprocessing: Preprocessing) -> int: ...


class SharedPlanningData:
    """Remembers each answer, for as long as the experiments of one request are planned.

    Most of these share the objects that they ask about, so the text of each is made once.
    """

    def __init__(self, data: PlanningData) -> None:
        self._data = data
        self._known: dict[Hashable, Any] = {}
        self._texts: dict[int, tuple[Any, str]] = {}  # with the object, so that no other one gets its id

    def load(self, source: Source) -> Dataset:
        return self._once(self._data.load, source)

    def fold_counts(self, source: Source, split: Split) -> Mapping[Fold, PartCounts]:
        return self._once(self._data.fold_counts, source, split)

    def split_rows(self, source: Source, split: Split, fold: Fold = ONLY_FOLD) -> SplitRows:
        return self._once(self._data.split_rows, source, split, fold)

    def exposed_rows(self, source: Source, split: Split) -> ExposedRows:
        return self._once(self._data.exposed_rows, source, split)

    def repeated_rows(self, source: Source, split: Split) -> Mapping[Part, int]:
        return self._once(self._data.repeated_rows, source, split)

    def far_rows(self, source: Source, split: Split, scaling: Scaling) -> FarRowsOfSplit | None:
        return self._once(self._data.far_rows, source, split, scaling)

    def gaps(self, source: Source, split: Split) -> tuple[ColumnGaps, ...]:
        return self._once(self._data.gaps, source, split)

    def input_width(self, source: Source, split: Split, preprocessing: Preprocessing) -> int:
        return self._once(self._data.input_width, source, split, preprocessing)

    def _once(self, ask: Callable[..., T], *arguments: Any) -> T:
        key = (ask.__name__, *map(self._text, arguments))
        if key not in self._known:
            self._known[key] = ask(*arguments)
        found: T = self._known[key]
        return found

    def _text(self, of: Any) -> str:
        """What tells an object from others of its kind."""
        known = self._texts.get(id(of))
        if known is None:
            known = self._texts[id(of)] = of, repr(of)
        return known[1]
