"""Every test in this folder runs on each implementation of the kernels."""

import pytest


@pytest.fixture(autouse=True)
def _on_every_kernel_set(every_kernel_set: str) -> None:
    pass
