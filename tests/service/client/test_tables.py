"""Tables, matrices and what they show in Jupyter."""

import io
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.client import ConfusionMatrix, Leaderboard, Table
from service.client.files import content_of, format_of_batch, rows_of
from service.client.pages import pages

pd: Any = import_module("pandas")

ROWS: list[dict[str, Any]] = [
    {"name": "a<b>", "loss": 0.123456, "epoch": 1, "best": True, "note": None},
    {"name": "c", "loss": None, "epoch": 2, "best": False, "extra": [1, 2]},
]


def test_columns_are_arrays_of_their_type() -> None:
    table = Table(ROWS)
    assert table["epoch"].dtype == np.int64
    assert table["best"].dtype == bool
    assert table["loss"][0] == 0.123456
    assert np.isnan(table["loss"][1])
    assert table["name"].tolist() == ["a<b>", "c"]
    assert table["extra"].tolist() == [None, [1, 2]]
    with pytest.raises(KeyError, match="there is no column 'los'; there are name, loss"):
        table["los"]


def test_a_table_is_a_sequence_of_rows() -> None:
    table = Table(ROWS)
    assert len(table) == 2
    assert table[1]["name"] == "c"
    assert [row["epoch"] for row in table[:1]] == [1]
    assert repr(table[1:]) == "Table of 1 rows: name, loss, epoch, best, extra"


def test_it_becomes_a_frame() -> None:
    frame = Table(ROWS).to_pandas()
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns) == ["name", "loss", "epoch", "best", "note", "extra"]
    assert frame["epoch"].sum() == 3


def test_html_escapes_every_text_and_is_short() -> None:
    shown = Table(ROWS)._repr_html_()
    assert "<td>a&lt;b&gt;</td><td>0.1235</td>" in shown
    assert "more rows" not in shown
    assert "and 10 more rows" in Table([{"n": n} for n in range(60)])._repr_html_()


def test_a_confusion_matrix_is_the_sum_of_the_runs() -> None:
    items = [{"matrix": [[3, 1], [0, 2]]}, {"matrix": [[4, 0], [1, 1]]}]
    matrix = ConfusionMatrix.of({"classes": ["no", "<yes>"], "items": items})
    assert matrix.counts.tolist() == [[7, 1], [1, 3]]
    assert matrix.to_pandas().loc["<yes>", "no"] == 1
    assert "&lt;yes&gt;" in matrix._repr_html_()


def candidate(rank: int, *, top: bool, **values: Any) -> dict[str, Any]:
    return {
        "rank": rank,
        "candidate": rank,
        "experiment_id": 10 + rank,
        "values": values,
        "top": top,
        "value": 0.5,
    }


def test_a_leaderboard_has_a_column_for_each_swept_field_and_marks_the_top_group() -> None:
    items = [candidate(1, top=True, loss="focal"), candidate(2, top=False, loss="l2", **{"loss.gamma": 2})]
    best = {"measured": 0.91234, "corrected": 0.9, "among": 1000}
    recommended = {"experiment_id": 11, "sentence": "Take 11."}
    remarks = [{"sentence": "Mind this."}]
    data = {"metric": "mcc", "items": items, "best": best, "recommended": recommended, "remarks": remarks}
    leaderboard = Leaderboard(data)
    assert leaderboard.names == ["rank", "experiment_id", "loss", "loss.gamma", "candidate", "top", "value"]
    assert leaderboard.recommended == 11
    shown = leaderboard._repr_html_()
    assert shown.count("font-weight: bold") == 1
    assert "0.9123 as measured, and 0.9 corrected for having been chosen among 1,000" in shown
    assert "<p>Take 11.</p>" in shown
    empty = Leaderboard({"metric": "mcc", "items": [], "best": None, "recommended": None, "remarks": []})
    assert (empty.recommended, empty.sentences) == (None, [])


def test_all_pages_are_read_up_to_the_limit() -> None:
    asked = []

    def read(limit: int, cursor: str | None) -> dict[str, Any]:
        asked.append((limit, cursor))
        start = int(cursor or 0)
        rows = [
            {"id": n, "links": {}, "metrics": {"mcc": n / 10}} for n in range(start, min(start + limit, 7))
        ]
        following = start + limit
        return {"items": rows, "next": f"/x?limit=3&cursor={following}" if following < 7 else None}

    assert pages(read, 2) == [{"id": 0, "mcc": 0.0}, {"id": 1, "mcc": 0.1}]
    assert asked == [(2, None)]
    assert len(pages(read)) == 7


def test_rows_become_json() -> None:
    frame = pd.DataFrame({"size": [1.5, float("nan")], "kind": ["a", "b"]})
    assert rows_of(frame) == [{"size": 1.5, "kind": "a"}, {"size": None, "kind": "b"}]
    assert rows_of(np.array([[1, 2], [3, 4]], dtype=np.float32)) == [[1.0, 2.0], [3.0, 4.0]]
    assert json.dumps(rows_of([(np.int64(3), np.nan), {"x": np.float32(0.5)}])) == '[[3, null], {"x": 0.5}]'


def test_a_batch_is_csv_unless_its_name_says_npz() -> None:
    assert format_of_batch(Path("rows.npz")) == "npz"
    assert format_of_batch("rows.csv") == format_of_batch(pd.DataFrame()) == "csv"


def test_a_file_is_read_from_its_path_from_a_stream_or_a_frame(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a")
    with content_of(tmp_path / "a.csv") as file:
        assert file.read() == b"a"
    with content_of(pd.DataFrame({"a": [1]})) as file:
        assert file.read() == b"a\n1\n"
    with content_of(io.BytesIO(b"x")) as file:
        assert file.read() == b"x"
