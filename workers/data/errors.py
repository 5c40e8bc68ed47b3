"""Errors about data sets: one class for each.

DatasetError
├── UnknownDataset      no data set has this name
├── DatasetChanged      its content is not the one that the spec pins
├── NameReserved        something else has this name, so nothing can be uploaded under it
├── NotUploaded         it was not uploaded, so it cannot be deleted
├── NoOfficialTest      a split wants the official test part, and there is none
├── MissingFile         a folder lacks a file of the four
├── MalformedFile       a file that is not what it says
│   └── FileTooLarge    a file that declares more than is read
├── ColumnDoesNotDivide a split is by a column that cannot divide the rows
└── TooFewRows          a class or a part has too few rows for the split or the balancing
"""

from dataclasses import dataclass


class DatasetError(ValueError):
    """The data set cannot be used. `detail` gives the place, the reason, and what would be right."""


# Fields are given by position: an exception keeps those as its `args`, and so survives pickling.
@dataclass(eq=False)
class UnknownDataset(DatasetError):
    """No data set has this name."""

    name: str
    known: tuple[str, ...]
    nearest: str | None
    place: str

    def __str__(self) -> str:
        hint = f" Did you mean '{self.nearest}'?" if self.nearest else ""
        return (
            f"There is no data set '{self.name}'.{hint} Known: {', '.join(self.known)}. "
            f"Upload a new one, or add a folder {self.place} with IDX files under their original names."
        )


@dataclass(eq=False)
class DatasetChanged(DatasetError):
    """The content of a data set is not the pinned one."""

    name: str
    pinned: str
    found: str

    def __str__(self) -> str:
        return (
            f"Data set '{self.name}' has changed: the spec asks for sha256 {self.pinned}, but is {self.found} now. "
            "Restore that content, or leave sha256 out to use the present one."
        )


@dataclass(eq=False)
class NameReserved(DatasetError):
    """A data set that was not uploaded has this name."""

    name: str
    what: str

    def __str__(self) -> str:
        return f"The name '{self.name}' belongs to {self.what}. Choose another name for the upload."


@dataclass(eq=False)
class NotUploaded(DatasetError):
    """Only uploaded data sets can be deleted."""

    name: str
    what: str

    def __str__(self) -> str:
        return f"Data set '{self.name}' cannot be deleted: it was not uploaded, it is {self.what}."


@dataclass(eq=False)
class NoOfficialTest(DatasetError):
    """The split asks for the official test part, but the data set has none."""

    name: str

    def __str__(self) -> str:
        return (
            f"Data set '{self.name}' has no official test part. "
            "Give a ratio for `test`, or add its t10k-images and t10k-labels files."
        )


@dataclass(eq=False)
class MissingFile(DatasetError):
    """A folder lacks one of its IDX files."""

    folder: str
    file: str

    def __str__(self) -> str:
        return f"{self.folder} lacks {self.file} (or the same with .gz, or with a dot before idx)."


@dataclass(eq=False)
class MalformedFile(DatasetError):
    """A file is not in the format that its place requires."""

    file: str
    wrong: str
    right: str

    def __str__(self) -> str:
        return f"{self.file} {self.wrong}; {self.right}."


class FileTooLarge(MalformedFile):
    """A file declares more than is read into memory."""


@dataclass(eq=False)
class ColumnDoesNotDivide(DatasetError):
    """A split is by a column that is not there, or that cannot divide the rows."""

    column: str
    why: str

    def __str__(self) -> str:
        return f"The column '{self.column}' {self.why}."


@dataclass(eq=False)
class TooFewRows(DatasetError):
    """A class or a part has too few rows; `needed` is the smallest sufficient number."""

    what: str
    rows: int
    needed: int
    why: str

    def __str__(self) -> str:
        rows = "1 row" if self.rows == 1 else f"{self.rows} rows"
        return f"{self.what} has {rows} and needs at least {self.needed}: {self.why}."
