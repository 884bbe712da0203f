"""The users whose work takes most CPU time in this process: what `record_cost` and `measure_cost` were told."""

from __future__ import annotations

import atexit
import threading

from signalscope.recording._fork import in_children
from signalscope.users._heavy_hitters import HeavyHitters, UserCost

__all__ = ["charge", "heaviest"]


class _Shared:
    """The process' one; made when the first user is charged."""

    users: HeavyHitters | None = None
    missing = False


_making = threading.Lock()


def charge(user: str, cpu_seconds: float) -> None:
    """Charge a user; without datasketches (extra ``numeric``) nothing is kept."""
    if _Shared.users is None:
        if _Shared.missing:
            return
        with _making:
            _make()
    if _Shared.users is not None:
        _Shared.users.add(user, cpu_seconds)


def heaviest(most: int = 10) -> list[UserCost] | str:
    """The users that cost most in the last hour; or why they are not known."""
    if _Shared.users is not None:
        return _Shared.users.heaviest(most)
    if _Shared.missing:
        return "datasketches is not installed (pip install 'signalscope[numeric]')"
    return "no user's work was charged (user_context with measure_cost or record_cost)"


def _make() -> None:
    if _Shared.users is not None or _Shared.missing:
        return
    try:
        users = HeavyHitters()
    except ImportError:
        _Shared.missing = True
        return
    _Shared.users = users
    in_children(users.clear)
    atexit.register(users.clear)
