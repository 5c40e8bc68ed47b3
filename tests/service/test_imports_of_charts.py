"""What the API draws does not load what only training needs: its memory has a budget."""

import subprocess
import sys

PROGRAM = """
import sys
import numpy as np
import service.launcher
assert not {"scipy", "alembic", "mako", "pygments", "rich"} & set(sys.modules), "at the start"
from workers.evaluation.ranking import auroc, average_precision
scores, positive = np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])
assert (auroc(scores, positive), round(average_precision(scores, positive), 6)) == (0.75, 0.833333)
assert "numba" not in sys.modules, "numba for the area under a curve"
"""


def test_neither_scipy_nor_numba_is_loaded_for_curves_of_two_classes() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
