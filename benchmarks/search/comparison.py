"""Sweeps of Holdout beside the searches of H2O, Optuna and scikit-learn, each with the strategy of its peer.

All have the same rows of digits, space, candidates, epochs and cores, and take turns. The seconds leave out the start
of servers and processes, which have searched before; ours end with the leaderboard. Each search tells what its best
model predicts, and one function measures it: on the validation rows that chose it, which flatters, and on rows that
chose nothing.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from benchmarks.report import Row, Skipped
from benchmarks.search.h2o_server import PYTHON, h2o_server
from benchmarks.search.holdout_sweep import sweep
from benchmarks.search.peer import Peer, running_peer
from benchmarks.search.task import CANDIDATES, EPOCHS, Rows, balanced_accuracy
from benchmarks.service.servers import python, serving
from service.client import Client

REPEATS = 3


@dataclass(frozen=True)
class Opponent:
    """A search, the strategy of Holdout that does the same, and what runs the search on the rows in a folder."""

    name: str
    strategy: str
    run: Callable[[Path], AbstractContextManager[Peer]]

    @property
    def what(self) -> str:
        return f"a sweep by {self.strategy}, {CANDIDATES} candidates of {EPOCHS} epochs"


@dataclass(frozen=True)
class Found:
    """What one search has found: its seconds, and the balanced accuracy of its best model.

    held_back: on rows that chose nothing. recommended: there, of the model that our leaderboard recommends.
    """

    seconds: float
    validation: float
    held_back: float
    recommended: float


@contextmanager
def _h2o(folder: Path) -> Iterator[Peer]:
    program = str(Path(__file__).parent / "h2o_grid.py")
    with h2o_server() as url, running_peer((str(PYTHON), program, str(folder), url)) as peer:
        yield peer


def _optuna(folder: Path) -> AbstractContextManager[Peer]:
    _require("optuna")
    return running_peer(python("benchmarks.search.optuna_study", folder))


def _sklearn(folder: Path) -> AbstractContextManager[Peer]:
    _require("sklearn")
    return running_peer(python("benchmarks.search.sklearn_halving", folder))


OPPONENTS = (
    Opponent("H2O's grid, RandomDiscrete", "random", _h2o),
    Opponent("Optuna's TPE", "tpe", _optuna),
    Opponent("HalvingRandomSearchCV", "successive_halving", _sklearn),
)


def measure() -> list[Row]:
    """Seconds and balanced accuracies, medians over the repetitions; a missing peer has a row that says so."""
    with tempfile.TemporaryDirectory(prefix="holdout-search-") as name, serving(workers=2) as service:
        rows, folder = Rows.read(service.folder), Path(name)
        rows.write(folder)
        with Client(service.url) as client:
            return [row for each in OPPONENTS for row in _compared(each, client, rows, folder)]


def _compared(opponent: Opponent, client: Client, rows: Rows, folder: Path) -> list[Row]:
    try:
        with opponent.run(folder) as peer:
            pairs = [
                (_ours(client, rows, opponent.strategy, seed), _theirs(peer, rows, seed))
                for seed in range(REPEATS + 1)
            ]
    except Skipped as reason:
        return [Row(opponent.what, opponent.name, "", str(reason), None)]
    ours, theirs = zip(*pairs[1:], strict=True)  # the first of each warms it up
    return list(_rows(opponent, ours, theirs))


def _ours(client: Client, rows: Rows, strategy: str, seed: int) -> Found:
    found = sweep(client, rows, strategy, seed)
    (validation, held_back), (_, recommended) = found.best, found.recommended
    return Found(
        found.seconds,
        balanced_accuracy(rows.validation, validation),
        balanced_accuracy(rows.held_back, held_back),
        balanced_accuracy(rows.held_back, recommended),
    )


def _theirs(peer: Peer, rows: Rows, seed: int) -> Found:
    found = peer.search(seed)
    held_back = balanced_accuracy(rows.held_back, found["held_back"])
    validation = balanced_accuracy(rows.validation, found["validation"])
    return Found(found["seconds"], validation, held_back, held_back)


def _rows(opponent: Opponent, ours: tuple[Found, ...], theirs: tuple[Found, ...]) -> Iterator[Row]:
    own, other = (median(each.seconds for each in found) for found in (ours, theirs))
    yield Row(opponent.what, opponent.name, f"{own:.1f} s", f"{other:.1f} s", other / own)
    for field, words in (
        ("validation", "its best, where it was chosen"),
        ("held_back", "the same model, held-back rows"),
        ("recommended", "the recommended model, held-back rows"),
    ):
        both = [[float(getattr(each, field)) for each in found] for found in (ours, theirs)]
        difference = median(both[0]) - median(both[1])
        shown = _spread(both[0]), _spread(both[1])
        yield Row(f"{opponent.strategy}: {words}", opponent.name, shown[0], shown[1], difference)


def _spread(values: list[float]) -> str:
    return f"{median(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def _require(package: str) -> None:
    if find_spec(package) is None:
        raise Skipped(f"{package} is not installed; make bench does it")
