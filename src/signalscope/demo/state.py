"""Where a running demo is noted, so that `signalscope fault` finds it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

__all__ = ["NoDemoError", "forget", "read", "write"]


class NoDemoError(RuntimeError):
    """No demo is running."""


def _path() -> Path:
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "signalscope" / "demo.json"


def write(endpoints: dict[str, Any]) -> None:
    """Note a running demo; only its user may read it, since it has a token."""
    path = _path()
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({**endpoints, "demo_pid": os.getpid()}, indent=1)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def read() -> dict[str, Any]:
    """The endpoints of the running demo.

    Raises:
        NoDemoError: There is none.
    """
    try:
        found: dict[str, Any] = json.loads(_path().read_text(encoding="utf-8"))
        os.kill(int(found["demo_pid"]), 0)
    except (OSError, ValueError, KeyError):
        raise NoDemoError("no demo is running; start one with `make demo`, in another terminal") from None
    return found


def forget() -> None:
    """Remove the note of this process' demo; that of another one stays."""
    try:
        if json.loads(_path().read_text(encoding="utf-8")).get("demo_pid") == os.getpid():
            _path().unlink()
    except (OSError, ValueError):
        return
