"""PyTorch, the oracle of networks, losses and optimizers. The first test that needs it imports it, which takes two
seconds: tests/distribution.py gives all of these tests to one process.
"""

from typing import Any

import pytest


class ImportedLate:
    """A module whose import waits until a test reads something of it. If it is not installed, that test skips."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("_"):  # pytest asks each object of a test's file whether it is a fixture
            raise AttributeError(attribute)
        return getattr(pytest.importorskip(self.name, reason="PyTorch is the oracle"), attribute)


torch, functional = ImportedLate("torch"), ImportedLate("torch.nn.functional")
