"""What was recorded, into memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from signalscope.testing import Captured, capture


@pytest.fixture
def captured() -> Iterator[Captured]:
    """Everything recorded during the test."""
    with capture() as found:
        yield found
