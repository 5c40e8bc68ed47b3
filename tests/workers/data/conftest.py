from pathlib import Path

import pytest

MNIST = Path(__file__).parents[4] / "shared" / "data" / "mnist"


@pytest.fixture
def mnist_folder() -> Path:
    """The original MNIST files, next to the repository."""
    if not MNIST.is_dir():
        pytest.skip("the MNIST files are not there")
    return MNIST
