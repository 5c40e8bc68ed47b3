"""Contract tests: every upload format passes them."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.upload_files import Files, arrays, npz, zipped
from tests.workers.data.formats.image_files import image
from tests.workers.data.idx_files import idx_bytes, images_of
from workers.data.errors import MalformedFile
from workers.data.formats import CSV, IDX, NPZ, AnyFormat, Format
from workers.data.sources import Contents
from workers.data.tables.schema import UnansweredQuestions
from workers.tagged_union import members, name_of

LABELS = [0, 1, 1, 2, 0]
IMAGES = images_of(LABELS)
TABLE = IMAGES.reshape(5, 12)
FORMATS = members(AnyFormat)
LINES = ("csv", "jsonl", "arff", "keel", "svmlight")
"""The formats of which a part is a table too."""
LIBRARIES = ("parquet", "feather")
"""Damaged files of these are read in a process of their own alone: see the tests of bad uploads."""
in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def as_csv() -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(
        [[f"x{n}" for n in range(12)] + ["y"], *np.column_stack([TABLE, LABELS]).tolist()]
    )
    return out.getvalue().encode()


def as_lines(write: Callable[[int, list[int]], str], head: str = "") -> bytes:
    """The table with a line for each row."""
    return (head + "".join(map(write, LABELS, TABLE.tolist()))).encode()


def as_arrow(write: Callable[[Any, io.BytesIO], object]) -> bytes:
    names = [*(f"x{n}" for n in range(12)), "y"]
    out = io.BytesIO()
    write(pa.table([*map(pa.array, np.column_stack([TABLE, LABELS]).T)], names=names), out)
    return out.getvalue()


ATTRIBUTES = "@relation mine\n" + "".join(f"@attribute x{n} numeric\n" for n in range(12))
WHOLE: dict[str, Files] = {
    "csv": {"file": as_csv()},
    "parquet": {"file": as_arrow(pq.write_table)},
    "feather": {"file": as_arrow(pyarrow.feather.write_feather)},
    "jsonl": {
        "file": as_lines(
            lambda y, x: json.dumps({**{f"x{n}": value for n, value in enumerate(x)}, "y": y}) + "\n"
        )
    },
    "arff": {
        "file": as_lines(
            lambda y, x: f"{','.join(map(str, x))},{y}\n", f"{ATTRIBUTES}@attribute y {{0,1,2}}\n@data\n"
        )
    },
    "keel": {
        "file": as_lines(
            lambda y, x: f"{', '.join(map(str, x))}, {y}\n",
            f"{ATTRIBUTES}@attribute y {{0, 1, 2}}\n@inputs x0\n@outputs y\n@data\n",
        )
    },
    "svmlight": {"file": as_lines(lambda y, x: f"{y} {' '.join(f'{n}:{v}' for n, v in enumerate(x, 1))}\n")},
    "npz": {"file": npz(x=IMAGES, y=np.array(LABELS))},
    "idx": {"images": idx_bytes(IMAGES), "labels": idx_bytes(np.array(LABELS, np.uint8))},
    "images": {"file": zipped({f"{LABELS[n]}/{n}.png": image(IMAGES[n]) for n in range(5)})},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def read(cls: type[Format], folder: Path, files: Files) -> Contents:
    named = folder / "mine"
    named.mkdir(exist_ok=True)
    for old in named.iterdir():
        old.unlink()
    for name, content in files.items():
        (named / name).write_bytes(content)
    return cls(name=name_of(cls)).read(named)


@pytest.mark.parametrize("cls", FORMATS)
def test_rows_labels_and_name_are_those_of_the_file(cls: type[Format], folder: Path) -> None:
    assert set(cls.required) == set(WHOLE[name_of(cls)])
    dataset, official_test = read(cls, folder, WHOLE[name_of(cls)])
    assert dataset.name == "mine"
    # Images come in the order of their names, so that the classes come one after the other.
    order = np.argsort(LABELS, kind="stable") if name_of(cls) == "images" else np.arange(5)
    assert np.array_equal(dataset.features, TABLE[order])
    assert dataset.features.dtype == np.uint8
    assert dataset.labels.dtype == np.int64
    assert dataset.labels.tolist() == [LABELS[n] for n in order]
    assert dataset.classes == ("0", "1", "2")
    assert official_test is None


def test_the_same_data_has_the_same_hash_in_every_format(folder: Path) -> None:
    images = {read(cls, folder, WHOLE[name_of(cls)]).dataset.sha256 for cls in (NPZ, IDX)}
    table = {"file": npz(features=TABLE.astype(np.float64), labels=np.array(list(map(str, LABELS))))}
    tables = {read(CSV, folder, WHOLE["csv"]).dataset.sha256, read(NPZ, folder, table).dataset.sha256}
    tables |= {read(cls, folder, WHOLE[name_of(cls)]).dataset.sha256 for cls in members(AnyFormat)[:7]}
    assert (len(images), len(tables)) == (1, 1)
    assert images != tables


@pytest.mark.sampled(4)
@pytest.mark.parametrize("cls", FORMATS)
def test_every_shorter_file_is_refused_or_has_fewer_rows(cls: type[Format], folder: Path) -> None:
    whole = WHOLE[name_of(cls)]
    for name, content in whole.items():
        for length in range(len(content)):
            try:
                rows = len(read(cls, folder, whole | {name: content[:length]}).dataset)
            except (MalformedFile, UnansweredQuestions):
                continue
            assert name_of(cls) in LINES
            # A row of SVMlight that ends early has zeros for the rest.
            assert rows < 5 or length > len(content) - 3 or name_of(cls) == "svmlight"


def mutations(content: bytes, random: Random) -> Iterator[bytes]:
    """Copies of a file in which a byte at a random place is changed, dropped or doubled."""
    while True:
        place = random.randrange(len(content) + 1)
        content = random.choice(
            [
                content[:place] + random.randbytes(1) + content[place + 1 :],
                content[:place] + content[place + 1 :],
                content[:place] + content[place : place + random.randrange(9)] + content[place:],
            ]
        )
        content = content or b"\0"
        yield content


@pytest.mark.parametrize("cls", [cls for cls in FORMATS if name_of(cls) not in LIBRARIES])
@in_one_folder
@given(st.randoms(use_true_random=False), st.integers(1, 12))
def test_a_damaged_file_is_read_or_refused_and_nothing_else(
    folder: Path, cls: type[Format], random: Random, times: int
) -> None:
    files = {"file": arrays()} if cls is NPZ and random.random() < 0.5 else WHOLE[name_of(cls)]
    name = random.choice(sorted(files))
    mutated = mutations(files[name], random)
    for _ in range(times):
        content = next(mutated)
    try:
        dataset = read(cls, folder, files | {name: content}).dataset
    except (MalformedFile, UnansweredQuestions):
        return
    assert len(dataset.classes) >= 2
    assert not np.isinf(dataset.features).any()
    assert dataset.features.shape[0] == len(dataset.labels)
