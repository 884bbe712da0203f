"""A fixture that records into memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from signalscope.testing import Captured, capture


@pytest.fixture
def captured() -> Iterator[Captured]:
    """Return the values recorded during the test."""
    with capture() as captured:
        yield captured
