"""Small files of the forms that tables and arrays have besides text tables, with what they are to be taken as."""

import gzip
import io
import json
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq

from tests.upload_files import npz, zipped
from tests.workers.data.formats.image_files import image
from tests.workers.data.idx_files import idx_bytes
from tests.workers.data.tables.common_forms import CLASSES, LEVELS, NUMBERED, PLAIN, ROWS, Form, M
from workers.data.sources.idx_reader import TYPES

NUMBERS = ("0", "1", "2")
X = np.array([row[:2] for row in M], np.float32)
Y = np.array([row[2] for row in NUMBERED])
IMAGES = np.random.default_rng(0).integers(0, 60, (ROWS, 12, 12), dtype=np.uint8)
IMAGES[np.arange(ROWS), Y, Y] = 250
HEAD = "@relation made\n@attribute x real\n@attribute z {}\n@attribute kind {{adelie, chinstrap, gentoo}}\n"


def _written(write: Callable[..., object], columns: dict[str, Any], **options: Any) -> bytes:
    out = io.BytesIO()
    write(pa.table(columns), out, **options)
    return out.getvalue()


def _columns() -> dict[str, Any]:
    kinds = pa.array([row[2] for row in M])
    return {"x": [float(row[0]) for row in M], "z": [float(row[1]) for row in M], "kind": kinds}


def _mixed() -> dict[str, Any]:
    """Columns whose types say what they are: a category, numbers and a boolean that may be missing, and a date."""
    gaps = np.arange(ROWS) % 7 == 0
    return {
        "colour": pa.array([LEVELS[n % 5] for n in range(ROWS)]).dictionary_encode(),
        "age": pa.array(np.arange(ROWS) % 50, pa.int64(), mask=gaps),
        "member": pa.array(np.arange(ROWS) % 3 == 0, mask=gaps),
        "day": pa.array([date(2026, 1, 1 + n % 28) for n in range(ROWS)]),
        **_columns(),
    }


def _lines(rows: list[dict[str, Any]]) -> str:
    return "".join(f"{json.dumps(row)}\n" for row in rows)


def _objects() -> list[dict[str, Any]]:
    return [{"x": float(a), "z": float(b), "kind": k} for a, b, k in M]


def _declared(z: str, rows: list[tuple[Any, ...]], extra: str = "") -> str:
    return HEAD.format(z) + extra + "@data\n" + "".join(", ".join(map(str, row)) + "\n" for row in rows)


def _sparse() -> str:
    rows = "".join(f"{{0 {a}, 1 {b}{f', 2 {k}' if k != CLASSES[0] else ''}}}\n" for a, b, k in M)
    return HEAD.format("numeric") + "@data\n" + rows


def _pairs(first: int) -> str:
    return "".join(
        f"{y:+d} {first}:{a} {first + 2}:{b} # row\n" for (a, b, _), y in zip(M, Y % 2 * 2 - 1, strict=True)
    )


def _labels_of_qmnist() -> np.ndarray[Any, Any]:
    return np.column_stack([Y, np.arange(ROWS * 7).reshape(ROWS, 7)])


def _idx(array: np.ndarray[Any, Any], code: int) -> bytes:
    shape = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, code, array.ndim]) + shape + array.astype(TYPES[code]).tobytes()


def _folders() -> bytes:
    """Images in folders by class, of which the last fifteen are under test/."""
    parts = ["test" if n >= 45 else "train" for n in range(ROWS)]
    return zipped({f"birds/{parts[n]}/{CLASSES[Y[n]]}/{n}.png": image(IMAGES[n]) for n in range(ROWS)})


MASKED = [(a if n % 6 else "?", b, k) for n, (a, b, k) in enumerate(M)]
TYPED_FORMS: dict[str, Form] = {
    # packed
    "gzip": Form(gzip.compress(PLAIN.encode()), "nnL"),
    "a zip file of one table": Form(zipped({"birds/birds.csv": PLAIN.encode()}), "nnL"),
    "zstd": Form(bytes(pa.compress(PLAIN.encode(), "zstd", asbytes=True)), "nnL"),
    # with types
    "Parquet": Form(_written(pq.write_table, _columns()), "nnL", format="parquet"),
    "Parquet with nullable types": Form(_written(pq.write_table, _mixed()), "cnbdnnL", format="parquet"),
    "Parquet with the index of pandas": Form(
        _written(pq.write_table, {**_columns(), "__index_level_0__": np.arange(ROWS)}),
        "nnLi",
        warns=("row_names",),
        format="parquet",
    ),
    "Feather": Form(_written(pyarrow.feather.write_feather, _columns()), "nnL", format="feather"),
    "Feather with nullable types": Form(
        _written(pyarrow.feather.write_feather, _mixed(), compression="zstd"), "cnbdnnL", format="feather"
    ),
    "JSON lines": Form(_lines(_objects()), "nnL", format="jsonl"),
    "JSON lines that lack keys": Form(
        _lines(
            [{k: v for k, v in row.items() if k != "z" or n % 4} for n, row in enumerate(_objects())]
        ).replace('"kind"', '"class"'),
        "nLn",
        asks=("label",),
        answers={"label": "class"},
        format="jsonl",
    ),
    # with a header that declares columns
    "ARFF": Form(_declared("numeric", list(M)), "nnL", format="arff"),
    "ARFF with nominal columns": Form(
        _declared(
            "{red , 'dark green', blue}",
            [(a, ["red", "'dark green'", "?"][n % 3], k) for n, (a, _, k) in enumerate(M)],
        ),
        "ncL",
        format="arff",
    ),
    "ARFF with question marks": Form(_declared("integer", MASKED), "nnL", format="arff"),
    "sparse ARFF": Form(_sparse(), "nnL", format="arff"),
    "KEEL": Form(
        _declared("real [-9.0, 9.0]", list(M), "@inputs x, z\n@outputs kind\n"), "nnL", format="keel"
    ),
    "KEEL with the output first": Form(
        "@relation made\n@attribute kind {adelie, chinstrap, gentoo}\n@attribute x real [-9.0, 9.0]\n"
        "@inputs x\n@outputs kind\n@data\n" + "".join(f"{k}, {a}\n" for a, _, k in M),
        "Ln",
        format="keel",
    ),
    "SVMlight from 1": Form(_pairs(1), "nnnL", ("-1", "1"), format="svmlight"),
    "SVMlight from 0": Form(_pairs(0), "nnnL", ("-1", "1"), format="svmlight"),
    # arrays
    "NPZ of X and y": Form(npz(X=X, y=Y), "", NUMBERS, format="npz"),
    "NPZ with train and test": Form(
        npz(X_train=X[:40], y_train=Y[:40], X_test=X[40:], y_test=Y[40:]),
        "",
        NUMBERS,
        rows=40,
        test_rows=20,
        format="npz",
    ),
    "NPZ of medical images": Form(
        npz(
            train_images=IMAGES[:30],
            train_labels=Y[:30, None],
            val_images=IMAGES[30:45],
            val_labels=Y[30:45, None],
            test_images=IMAGES[45:],
            test_labels=Y[45:, None],
        ),
        "",
        NUMBERS,
        rows=45,
        test_rows=15,
        format="npz",
    ),
    "NPZ with channels first": Form(npz(x=IMAGES[:, None], y=Y), "", NUMBERS, format="npz"),
    "NPZ with labels of floats": Form(npz(x=X, y=Y.astype(float)), "", NUMBERS, format="npz"),
    "NPZ with labels of bytes": Form(
        npz(x=X, y=np.array([row[2] for row in M]).astype("S")), "", format="npz"
    ),
    # images
    "IDX": Form(
        {"images": idx_bytes(IMAGES), "labels": idx_bytes(Y.astype(np.uint8))}, "", NUMBERS, format="idx"
    ),
    "IDX in gzip, with letters from 1": Form(
        {"images": gzip.compress(idx_bytes(IMAGES)), "labels": idx_bytes((Y + 1).astype(np.uint8))},
        "",
        ("1", "2", "3"),
        format="idx",
    ),
    "IDX with the labels of QMNIST": Form(
        {"images": idx_bytes(IMAGES), "labels": _idx(_labels_of_qmnist(), 12)}, "", NUMBERS, format="idx"
    ),
    "a zip file of images in folders": Form(_folders(), "", rows=45, test_rows=15, format="images"),
}
