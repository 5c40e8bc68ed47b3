"""Small parts of real data, split once."""

from pathlib import Path

import pytest

from workers.data.dataset import Dataset
from workers.data.library import Library
from workers.spec import ExperimentSpec

Parts = tuple[Dataset, Dataset]


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return Library(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def iris(library: Library) -> Parts:
    """The training and validation part of iris."""
    return _parts(library, "iris")


@pytest.fixture(scope="session")
def digits(library: Library) -> Parts:
    """The training and validation part of digits."""
    return _parts(library, "digits")


@pytest.fixture(scope="session")
def digits_folder(library: Library) -> Path:
    """The folder of the parts of digits, as a worker process is given it."""
    spec = ExperimentSpec()
    return library.parts(spec.dataset, spec.split).folder


def _parts(library: Library, name: str) -> Parts:
    spec = ExperimentSpec.model_validate({"dataset": name})
    prepared = library.parts(spec.dataset, spec.split)
    return prepared.read("train"), prepared.read("validation")
