"""A table of a million rows is uploaded, typed and stored in a small multiple of the time of pyarrow's reader."""

import logging
from pathlib import Path
from time import perf_counter
from typing import Any, cast

import httpx2
import pytest

from benchmarks.large_table import ROWS, write_table
from benchmarks.service.tables import read_by_pyarrow
from service.launcher import serving
from service.settings import Settings

MOST_TIMES, MOST_MEGABYTES = 2.5, 500


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("quoted", [False, True], ids=["plain", "quoted"])
def test_a_million_rows_are_ready_soon(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, *, quoted: bool
) -> None:
    file = tmp_path / "table.csv"
    write_table(file, quoted=quoted)
    settings = Settings(data_dir=tmp_path / "data", port=0, workers=0, log_level="info")
    with serving(settings) as url, httpx2.Client(base_url=url, timeout=600) as client:
        form = {"name": "first", "format": "csv"}
        client.post("/datasets", data=form, files={"file": b"x,y\n1,a\n2,b\n"})  # starts the sandbox
        best = []
        for _ in range(2):
            reading = read_by_pyarrow(file)
            with caplog.at_level(logging.INFO, logger="holdout.uploads"), file.open("rb") as content:
                started = perf_counter()
                response = client.post(
                    "/datasets/inspect", data={**form, "name": "table"}, files={"file": content}
                )
                inspecting = perf_counter() - started
                content.seek(0)
                started = perf_counter()
                response = client.post("/datasets", data={**form, "name": "table"}, files={"file": content})
                uploading = perf_counter() - started
            assert response.status_code in (200, 201), response.text
            best.append((uploading / reading, uploading, inspecting, reading))
    megabytes = max(cast("tuple[Any, ...]", each.args)[-1] for each in caplog.records if each.args)
    times, uploading, inspecting, reading = min(best)
    print(  # noqa: T201
        f"\n{file.stat().st_size / 1e6:.0f} MB: pyarrow reads it in {reading:.1f} s, the upload takes "
        f"{uploading:.1f} s ({times:.2f} times), an inspection {inspecting:.1f} s; at most {megabytes:.0f} MB"
    )
    assert response.json()["rows"] == ROWS
    assert times <= MOST_TIMES
    assert megabytes <= MOST_MEGABYTES
