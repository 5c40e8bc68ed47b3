"""Small files of the forms that real tables have, written by code, with the kinds or the questions that are right."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

CLASSES = ("adelie", "chinstrap", "gentoo")
ROWS = 60


@dataclass(frozen=True)
class Form:
    """A file, or several by the form field of each, and what they are to be taken as.

    kinds: of its columns, n number, c category, b boolean, d date, i ignored, L the label; empty if it is no table.
    asks: the codes of the questions without `answers`, which are form fields. warns: the codes of the warnings.
    rows: the rows then taken; test_rows: those of the official test part. format: what its first bytes show.
    """

    content: str | bytes | dict[str, bytes]
    kinds: str
    classes: Sequence[str] = CLASSES
    asks: tuple[str, ...] = ()
    answers: dict[str, str] = field(default_factory=dict)
    warns: tuple[str, ...] = ()
    rows: int = ROWS
    targets: bool = False
    test_rows: int = 0
    format: str = "csv"


def _measured(seed: int = 0) -> list[tuple[str, str, str]]:
    """Two measurements and a class, in random order."""
    draw = random.Random(seed)
    rows = [
        (f"{draw.gauss(2 * k, 1):.2f}", f"{draw.gauss(-k, 1):.3f}", CLASSES[k])
        for k in range(3)
        for _ in range(20)
    ]
    draw.shuffle(rows)
    return rows


def _table(header: str | None, rows: Sequence[Sequence[Any]], delimiter: str = ",", end: str = "\n") -> str:
    lines = [] if header is None else [header]
    return end.join([*lines, *(delimiter.join(map(str, row)) for row in rows)]) + end


def _cells(*columns: Sequence[str]) -> list[list[str]]:
    """Rows of columns that repeat as often as needed, with the class at the end."""
    labels = [row[2] for row in _measured()]
    return [[column[n % len(column)] for column in columns] + [labels[n]] for n in range(ROWS)]


def _quoted(text: str) -> str:
    return f'"{text}"'


M = _measured()
NUMBERED = [(a, b, CLASSES.index(k)) for a, b, k in M]
PLAIN = _table("x,z,kind", M)
COMMAS = [(a.replace(".", ","), b.replace(".", ","), k) for a, b, k in M]
LEVELS = ["red", "dark green", "blue", "red", "red"]

FORMS: dict[str, Form] = {
    # clean ones
    "numbers and a text label": Form(PLAIN, "nnL"),
    "a numeric label of a few whole numbers": Form(_table("x,z,kind", NUMBERED), "nnL", ("0", "1", "2")),
    "windows line ends": Form(_table("x,z,kind", M, end="\r\n"), "nnL"),
    "a byte order mark": Form("\ufeff" + PLAIN, "nnL"),
    "empty lines": Form(PLAIN.replace("\n", "\n\n"), "nnL"),
    "no line end at the end": Form(PLAIN.rstrip("\n"), "nnL"),
    "everything quoted": Form(_table('"x","z","kind"', [[*map(_quoted, row)] for row in M]), "nnL"),
    "names with spaces and units": Form(PLAIN.replace("x,z", '"sepal length (cm)",flipper length'), "nnL"),
    # dialects
    "semicolons": Form(_table("x;z;kind", M, ";"), "nnL"),
    "semicolons and quoted names": Form(_table('"x";"z";"kind"', M, ";"), "nnL"),
    "tabs": Form(_table("x\tz\tkind", M, "\t"), "nnL"),
    "tabs with commas inside": Form(
        _table("x\tnote\tkind", _cells([a for a, _, _ in M], ["a, b", "c"]), "\t").replace(
            "kind\n", "kind\n", 1
        ),
        "ncL",
    ),
    "bars": Form(_table("x|z|kind", M, "|"), "nnL"),
    "runs of spaces": Form(_table("x  z   kind", [("", *row) for row in M], "  "), "nnL"),
    "a space after each comma": Form(_table("x, z, kind", M, ", "), "nnL"),
    "decimal commas and semicolons": Form(_table("x;z;kind", COMMAS, ";"), "nnL"),
    "quoted decimal commas": Form(
        _table("x,z,kind", [[_quoted(a), _quoted(b), k] for a, b, k in COMMAS]), "nnL"
    ),
    "commas that may be decimal": Form(
        _table("x;kind", [(f"{1 + n},{100 + n}", row[2]) for n, row in enumerate(M)], ";"),
        "nL",
        asks=("decimal",),
        answers={"decimal": ","},
    ),
    # headers
    "no header, text label": Form(_table(None, M), "nnL", asks=("header",), answers={"header": "false"}),
    "no header, numeric label": Form(
        _table(None, NUMBERED), "nnL", ("0", "1", "2"), asks=("header",), answers={"header": "false"}
    ),
    "no header, label first": Form(
        _table(None, [(k, a, b) for a, b, k in NUMBERED]),
        "Lnn",
        ("0", "1", "2"),
        asks=("header", "numeric_label"),
        answers={"header": "false", "label": "column_1"},
    ),
    "no header, texts": Form(
        _table(None, _cells(["a", "b"], ["1", "2", "3"])),
        "cnL",
        asks=("header",),
        answers={"header": "false"},
    ),
    "numbers as names": Form(_table("0,1,target", M), "nnL"),
    "row names without a name, as R writes them": Form(
        _table("x z kind", [(_quoted(str(n)), *row) for n, row in enumerate(M, 1)], " "),
        "innL",
        warns=("row_names",),
    ),
    "row names, as pandas writes them": Form(
        _table(",x,z,kind", list(enumerate(map(",".join, M)))), "innL", warns=("row_names",)
    ),
    "row names, saved by pandas twice": Form(
        _table("Unnamed: 0,x,z,kind", list(enumerate(map(",".join, M)))), "innL", warns=("row_names",)
    ),
    "a delimiter after each row": Form(
        _table("x,z,kind", [(*row, "") for row in M]),
        "nnLi",
        answers={"label": "kind"},
        warns=("empty_column",),
    ),
    # labels
    "label first": Form(
        _table("class,x,z", [(k, a, b) for a, b, k in M]), "Lnn", asks=("label",), answers={"label": "class"}
    ),
    "label first and digits as its classes": Form(
        _table("label,pixel1,pixel2", [(k, a, b) for a, b, k in NUMBERED]),
        "Lnn",
        ("0", "1", "2"),
        asks=("label",),
        answers={"label": "label"},
    ),
    "an identifier at the end": Form(
        _table("x,z,species,id", [(*row, 1000 + n) for n, row in enumerate(M)]),
        "nnLi",
        asks=("numeric_label",),
        answers={"label": "species", "drop": "id"},
    ),
    "? and NA as labels": Form(
        _table("x,z,kind", [(a, b, "?" if n < 5 else "NA" if n < 9 else k) for n, (a, b, k) in enumerate(M)]),
        "nnL",
        asks=("missing_labels",),
        answers={"accept": "missing_labels"},
        rows=ROWS - 9,
    ),
    "1 beside 1.0": Form(
        _table(
            "x,z,kind", [(a, b, ["1", "1.0"][n % 2] if k else "0") for n, (a, b, k) in enumerate(NUMBERED)]
        ),
        "nnL",
        ("0", "1.0"),
        asks=("spellings",),
        answers={"spellings": "merge"},
    ),
    "a point after some labels, as adult.test": Form(
        _table(
            "x,z,income",
            [(a, b, ["<=50K", "<=50K.", ">50K", ">50K."][n % 4]) for n, (a, b, _) in enumerate(M)],
        ),
        "nnL",
        ("<=50K", ">50K"),
        asks=("spellings",),
        answers={"spellings": "merge"},
    ),
    "a price as the label": Form(
        _table("x,z,price", [(a, b, f"{float(a) + float(b):.3f}") for a, b, _ in M]),
        "nnL",
        (),
        asks=("numeric_label",),
        answers={"task": "regression"},
        targets=True,
    ),
    "a class for nearly each row": Form(
        _table("x,z,name", [(a, b, f"name-{n % 40}") for n, (a, b, _) in enumerate(M)]),
        "nnL",
        sorted(f"name-{n}" for n in range(40)),
        asks=("many_classes",),
        answers={"accept": "many_classes"},
    ),
    # cells
    "texts": Form(_table("x,colour,kind", _cells([a for a, _, _ in M], LEVELS)), "ncL"),
    "yes and no": Form(_table("x,member,kind", _cells([a for a, _, _ in M], ["yes", "No", "no"])), "nbL"),
    "true and false": Form(
        _table("x,member,kind", _cells([a for a, _, _ in M], ["True", "False", ""])), "nbL"
    ),
    "0 and 1": Form(_table("x,member,kind", _cells([a for a, _, _ in M], ["0", "1", "1"])), "nnL"),
    "gaps": Form(
        _table("x,z,kind", [("" if n % 7 == 0 else a, b, k) for n, (a, b, k) in enumerate(M)]), "nnL"
    ),
    "question marks for gaps": Form(
        _table("x,z,kind", [("?" if n % 7 == 0 else a, b, k) for n, (a, b, k) in enumerate(M)]), "nnL"
    ),
    "-999 for gaps": Form(
        _table("x,z,kind", [("-999" if n % 7 == 0 else a, b, k) for n, (a, b, k) in enumerate(M)]),
        "nnL",
        answers={"missing": "-999"},
    ),
    "dates": Form(_table("x,day,kind", _cells([a for a, _, _ in M], ["2026-05-31", "2025-01-02"])), "ndL"),
    "dates of an uncertain order": Form(
        _table("x,day,kind", _cells([a for a, _, _ in M], ["05/06/2026", "07/08/2026"])), "ncL"
    ),
    "times with a zone": Form(
        _table(
            "x,at,kind", _cells([a for a, _, _ in M], ["2026-05-31T12:00:00Z", "2026-05-31 13:30:00+02:00"])
        ),
        "ndL",
    ),
    "postcodes as a category": Form(
        _table("x,zip,kind", _cells([a for a, _, _ in M], ["01067", "10115", "80331"])),
        "ncL",
        answers={"kinds": '{"zip": "category"}'},
    ),
    "a word among numbers": Form(
        _table("x,z,kind", [("unknown" if n == 30 else a, b, k) for n, (a, b, k) in enumerate(M)]),
        "nnL",
        asks=("mixed_column",),
        answers={"missing": "unknown"},
    ),
    "a day that no month has among dates": Form(
        _table(
            "day,x,kind",
            [(f"2024-02-{30 if n == 30 else n % 28 + 1}", a, k) for n, (a, _, k) in enumerate(M)],
        ),
        "dnL",
        asks=("mixed_column",),
        answers={"accept": "mixed_column"},
    ),
    "a date in each row": Form(
        _table("day,x,kind", [(date.fromordinal(738000 + n), a, k) for n, (a, _, k) in enumerate(M)]),
        "dnL",
    ),
    "a name in each row": Form(
        _table("name,x,z,kind", [(f"bird {n}", *row) for n, row in enumerate(M)]),
        "innL",
        warns=("identifier",),
    ),
    "an empty column": Form(
        _table("x,z,note,kind", [(a, b, "", k) for a, b, k in M]), "nniL", warns=("empty_column",)
    ),
    # leaks
    "a number for each row": Form(
        _table("id,x,z,kind", [(n, *row) for n, row in enumerate(M)]), "nnnL", warns=("identifier",)
    ),
    "rows sorted by class, with numbers": Form(
        _table("id,x,z,kind", [(n, *row) for n, row in enumerate(sorted(M, key=lambda row: row[2]))]),
        "nnnL",
        warns=("identifier", "predicts_label"),
    ),
    "a copy of the answer": Form(
        _table("x,species_id,species", [(a, CLASSES.index(k), k) for a, _, k in M]),
        "nnL",
        warns=("predicts_label",),
    ),
    "the answer in other words": Form(
        _table("x,latin,species", [(a, f"pygoscelis {k}", k) for a, _, k in M]),
        "ncL",
        warns=("predicts_label",),
    ),
}
