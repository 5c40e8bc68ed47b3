"""Small real data sets, split once, and the sets of kernels."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from workers.data.dataset import Dataset
from workers.data.registry import DatasetRegistry
from workers.nn import kernels
from workers.nn.kernels import reference
from workers.nn.kernels.contract import Kernels
from workers.spec import ExperimentSpec

TrainingAndValidation = tuple[Dataset, Dataset]


KERNEL_SETS: dict[str, Kernels] = {"numpy": reference}
if (
    find_spec("numba") is not None
):  # here, where no test's time limit runs: the first time, this compiles them
    KERNEL_SETS["numba"] = import_module("workers.nn.kernels.compiled")


@pytest.fixture(params=["numpy", "numba"])
def every_kernel_set(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Runs a test on each implementation of the kernels; its name."""
    if request.param not in KERNEL_SETS:
        pytest.skip("without numba there are no compiled kernels: it has no wheel for this system")
    monkeypatch.setattr(kernels, "current", lambda: KERNEL_SETS[request.param])
    return str(request.param)


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> DatasetRegistry:
    return DatasetRegistry(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def iris(registry: DatasetRegistry) -> TrainingAndValidation:
    """The training and validation part of iris."""
    return _read_parts(registry, "iris")


@pytest.fixture(scope="session")
def digits(registry: DatasetRegistry) -> TrainingAndValidation:
    """The training and validation part of digits."""
    return _read_parts(registry, "digits")


@pytest.fixture(scope="session")
def digits_folder(registry: DatasetRegistry) -> Path:
    """The folder of the prepared split of digits, as a worker process gets it."""
    spec = ExperimentSpec()
    return registry.prepare_split(spec.dataset, spec.split).folder


def _read_parts(registry: DatasetRegistry, name: str) -> TrainingAndValidation:
    spec = ExperimentSpec.model_validate({"dataset": name})
    prepared = registry.prepare_split(spec.dataset, spec.split)
    return prepared.read("train"), prepared.read("validation")
