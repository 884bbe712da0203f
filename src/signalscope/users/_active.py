"""How many distinct users were seen in the last hour and day, in bounded memory.

Users are put into HyperLogLog sketches (Flajolet et al. 2007, as Apache DataSketches implements them), one
for each tier and five minutes; a window is the union of its sketches. With 4096 registers the standard
error is 1.6 %; small numbers are exact, and no user id is kept.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from signalscope import contract
from signalscope.config.defaults import seconds
from signalscope.recording import observe
from signalscope.recording._fork import in_children

__all__ = ["ActiveUsers", "saw"]

_logger = logging.getLogger("signalscope")

WINDOWS = {window: float(seconds(window)) for window in ("1h", "24h")}
_SLOT_SECONDS = 300.0
_SLOTS = int(max(WINDOWS.values()) / _SLOT_SECONDS)
_LG_K = 12
_NAME = "signal_service.active_users"


class ActiveUsers:
    """Distinct users by tier, over the windows of the contract.

    Args:
        clock: Seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        import datasketches  # noqa: PLC0415  # an extra; without it there is no such gauge

        self._library: Any = datasketches
        self._clock = clock
        self._lock = threading.Lock()
        self._slots: dict[tuple[str, int], Any] = {}
        tiers = next(each for each in contract.get(_NAME).attributes if each.name == "user_tier")
        self._tiers = frozenset(tiers.values or ())

    def saw(self, tier: str, user: str) -> None:
        """Count a user; one of a tier that the contract does not know is of the tier `other`."""
        slot = int(self._clock() // _SLOT_SECONDS)
        if tier not in self._tiers:
            tier = contract.OTHER
        with self._lock:
            sketch = self._slots.get((tier, slot))
            if sketch is None:
                self._forget(slot)
                sketch = self._slots[tier, slot] = self._library.hll_sketch(_LG_K)
            sketch.update(user)

    def counted(self) -> Iterator[tuple[float, tuple[str, str]]]:
        """The number of distinct users for each window and tier in which there were any."""
        now = int(self._clock() // _SLOT_SECONDS)
        with self._lock:
            for window, length in WINDOWS.items():
                first = now - int(length / _SLOT_SECONDS)
                unions: dict[str, Any] = {}
                for (tier, slot), sketch in self._slots.items():
                    if slot > first:
                        unions.setdefault(tier, self._library.hll_union(_LG_K)).update(sketch)
                for tier, union in unions.items():
                    yield round(union.get_estimate()), (window, tier)

    def clear(self) -> None:
        """Begin anew, with a free lock: in a forked child, and at exit, where the library counts what is left."""
        self._lock = threading.Lock()
        self._slots.clear()

    def _forget(self, now: int) -> None:
        for key in [key for key in self._slots if key[1] <= now - _SLOTS]:
            del self._slots[key]


class _Shared:
    """The process' one; made when the first user is seen."""

    users: ActiveUsers | None = None
    missing = False


_making = threading.Lock()


def saw(tier: str, user: str) -> None:
    """Count a user in this process' `signal_service.active_users`.

    Without the datasketches package (extra ``numeric``) the gauge stays absent, which is logged once.
    """
    if _Shared.users is None:
        if _Shared.missing:
            return
        with _making:
            _make()
    if _Shared.users is not None:
        _Shared.users.saw(tier, user)


def _make() -> None:
    if _Shared.users is not None or _Shared.missing:
        return
    try:
        users = ActiveUsers()
    except ImportError:
        _Shared.missing = True
        _logger.info(
            "signalscope: signal_service.active_users is not measured: datasketches is not installed; "
            "pip install 'signalscope[numeric]'"
        )
        return
    _Shared.users = users
    observe(_NAME, users.counted)
    in_children(users.clear)
    atexit.register(users.clear)
