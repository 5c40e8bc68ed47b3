"""Which arrays of an archive are features and labels: the named ones, or those with the usual names."""

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Literal, NamedTuple, NoReturn

from workers.data.errors import MalformedFile

Part = Literal["train", "val", "test"]
Role = Literal["features", "labels"]

ROLES: dict[str, Role] = {
    **dict.fromkeys(("x", "features", "images", "data", "inputs"), "features"),
    **dict.fromkeys(("y", "labels", "label", "target", "targets", "classes"), "labels"),
}
PARTS: dict[str, Part] = {
    **dict.fromkeys(("", "train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
WORDS = re.compile(r"[A-Za-z]+(?:[ _-]?[A-Za-z]+)*")
SHOWN = 8
RIGHT = "name them with the form fields x and y, and x_test and y_test if there is an official test part"


class ArrayNames(NamedTuple):
    """The names of a pair of arrays."""

    features: str
    labels: str


class ArchiveLayout(NamedTuple):
    """The pairs whose rows a split divides, one after the other, and the official test part."""

    rows: list[ArrayNames]
    official_test: ArrayNames | None = None

    @property
    def pairs(self) -> list[ArrayNames]:
        """All pairs, the official test part last."""
        return self.rows if self.official_test is None else [*self.rows, self.official_test]


def guessed_layout(names: Sequence[str], file: str) -> ArchiveLayout:
    """The layout of arrays with the usual names, such as X and y, x_train, train_images. Raises MalformedFile.

    Validation arrays are rows like those for training: a split divides both.
    """
    found: defaultdict[Part, dict[Role, str]] = defaultdict(dict)
    for name in names:
        part, role = _meaning(name) or _refuse(names, file)
        if role in found[part]:
            _refuse(names, file)
        found[part][role] = name
    if "train" not in found or any(len(roles) < 2 for roles in found.values()):
        _refuse(names, file)
    pairs = {part: ArrayNames(**roles) for part, roles in found.items()}
    return ArchiveLayout([pairs[part] for part in ("train", "val") if part in pairs], pairs.get("test"))


def named_layout(names: Sequence[str], given: Sequence[str | None], file: str) -> ArchiveLayout:
    """The layout that the form fields x, y, x_test and y_test name. Raises MalformedFile."""
    x, y, x_test, y_test = given
    if x is None or y is None:
        missing = "x" if x is None else "y"
        raise MalformedFile(file, f"needs the form field {missing} too", "x and y are named together")
    if (x_test is None) != (y_test is None):
        raise MalformedFile(file, "has half an official test part", "x_test and y_test are named together")
    for name in filter(None, given):
        if name not in names:
            raise MalformedFile(file, f"has no array {name[:40]!a}", f"it holds {_shown(names)}")
    test = ArrayNames(x_test, y_test) if x_test is not None and y_test is not None else None
    return ArchiveLayout([ArrayNames(x, y)], test)


def _meaning(name: str) -> tuple[Part, Role] | None:
    """The part and role that a name stands for, in any case and order: xTrain, train_x, images."""
    if not WORDS.fullmatch(name):
        return None
    words = re.split("[ _-]", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())
    roles = [word for word in words if word in ROLES]
    parts = [word for word in words if word in PARTS]
    if len(roles) == 1 and len(parts) <= 1 and len(words) == len(roles) + len(parts):
        return PARTS[parts[0] if parts else ""], ROLES[roles[0]]
    return None


def _refuse(names: Sequence[str], file: str) -> NoReturn:
    usual = "it should hold features and labels, x and y, or x_train and y_train (with x_test and y_test)"
    raise MalformedFile(file, f"holds {_shown(names)}", f"{usual}; or {RIGHT}")


def _shown(names: Sequence[str]) -> str:
    shown = ", ".join(ascii(name[:40]) for name in names[:SHOWN]) or "nothing"
    return f"{shown}, ..." if len(names) > SHOWN else shown
