"""What the API draws and predicts does not load what only training needs: its memory has a budget."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
from pathlib import Path
import numpy as np
from service import launcher
from service.settings import Settings
assert not {"scipy", "pyarrow", "alembic", "mako", "pygments", "rich"} & set(sys.modules), "at the start"

from workers.evaluation.ranking import auroc, average_precision
scores, positive = np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])
assert (auroc(scores, positive), round(average_precision(scores, positive), 6)) == (0.75, 0.833333)
assert "numba" not in sys.modules, "numba for the area under a curve"

from workers.nn import kernels
class Running(Exception): pass
def run(*_, **__): raise Running
launcher.Server.run = run
try:
    launcher.serve(Settings(data_dir=Path(sys.argv[1]), port=0, workers=0))
except Running:
    assert kernels.current().NAME == "numpy"
    assert "numba" not in sys.modules, "numba for a service that predicts"
    assert kernels.choose().name == "numba", "workers train with the compiled kernels all the same"
else:
    raise AssertionError("the server was not run")
"""
"""One process for all of it: its imports take seconds."""


def test_neither_scipy_nor_numba_is_loaded_for_curves_of_two_classes_or_predictions(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
