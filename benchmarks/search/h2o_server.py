"""H2O's server with two threads, from an environment of its own: the variable H2O names its folder."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.report import Skipped
from benchmarks.service.servers import free_port, running

ENVIRONMENT = Path(os.environ.get("H2O", Path(sys.prefix) / "h2o"))
PYTHON = ENVIRONMENT / "bin" / "python"
JAR = "lib/python*/site-packages/h2o/backend/bin/h2o.jar"


@contextmanager
def h2o_server() -> Iterator[str]:
    """Run the server for as long as the context lasts. Yields its URL. Raises Skipped if something is missing."""
    java, jars = shutil.which("java"), list(ENVIRONMENT.glob(JAR))
    if java is None:
        raise Skipped("H2O needs Java")
    if not jars:
        raise Skipped(f"H2O is not installed in {ENVIRONMENT}; make bench does it")
    url = f"http://127.0.0.1:{free_port()}"
    with tempfile.TemporaryDirectory(prefix="holdout-h2o-") as folder:
        port = url.rpartition(":")[2]
        options = ("-ip", "127.0.0.1", "-port", port, "-nthreads", "2", "-ice_root", folder, "-name", folder)
        with running((java, "-Xmx2g", "-jar", str(jars[0]), *options), f"{url}/3/About"):
            yield url
