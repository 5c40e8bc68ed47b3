"""A headless Chromium. If it or Playwright is missing, the tests skip, except in CI."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tools import chromium as browsers


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """The system's Chromium.

    The scope is a module because no other test may run while Playwright's event loop does.
    """
    with ExitStack() as stack:
        try:
            browser = stack.enter_context(browsers.chromium())
        except browsers.NoChromium as error:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(str(error))
        yield browser
