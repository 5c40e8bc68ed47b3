"""Contract tests: every upload format passes them."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.upload_files import Files, arrays, npz
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
in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def as_csv() -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(
        [[f"x{n}" for n in range(12)] + ["y"], *np.column_stack([TABLE, LABELS]).tolist()]
    )
    return out.getvalue().encode()


WHOLE: dict[str, Files] = {
    "csv": {"file": as_csv()},
    "npz": {"file": npz(x=IMAGES, y=np.array(LABELS))},
    "idx": {"images": idx_bytes(IMAGES), "labels": idx_bytes(np.array(LABELS, np.uint8))},
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
    assert np.array_equal(dataset.features, TABLE)
    assert dataset.features.dtype == np.uint8
    assert dataset.labels.dtype == np.int64
    assert dataset.labels.tolist() == LABELS
    assert dataset.classes == ("0", "1", "2")
    assert official_test is None


def test_the_same_data_has_the_same_hash_in_every_format(folder: Path) -> None:
    images = {read(cls, folder, WHOLE[name_of(cls)]).dataset.sha256 for cls in (NPZ, IDX)}
    table = {"file": npz(features=TABLE.astype(np.float64), labels=np.array(list(map(str, LABELS))))}
    tables = {read(CSV, folder, WHOLE["csv"]).dataset.sha256, read(NPZ, folder, table).dataset.sha256}
    assert (len(images), len(tables)) == (1, 1)
    assert images != tables


@pytest.mark.parametrize("cls", FORMATS)
def test_every_shorter_file_is_refused_or_has_fewer_rows(cls: type[Format], folder: Path) -> None:
    whole = WHOLE[name_of(cls)]
    for name, content in whole.items():
        for length in range(len(content)):
            try:
                rows = len(read(cls, folder, whole | {name: content[:length]}).dataset)
            except (MalformedFile, UnansweredQuestions):
                continue
            assert cls is CSV
            assert rows < 5 or length > len(content) - 3


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


@pytest.mark.parametrize("cls", FORMATS)
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
