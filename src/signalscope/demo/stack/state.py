"""Where running demos are noted, so that `signalscope fault` finds the one that was started last."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any


class NoDemoError(RuntimeError):
    """No demo is running."""


class StateError(RuntimeError):
    """There is nowhere to note a running demo; the message says what to do."""


def prepare() -> None:
    """Make the folder where demos are noted.

    Raises:
        StateError: It cannot be made, or not be written to.
    """
    folder = _folder()
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        raise StateError(
            f"{folder}: a running demo cannot be noted there, so `signalscope fault` would not find it; "
            "set XDG_STATE_HOME to a folder that can be written to"
        )


def _folder() -> Path:
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "signalscope"


def _own() -> Path:
    return _folder() / f"demo-{os.getpid()}.json"


def write(endpoints: dict[str, Any]) -> None:
    """Note a running demo; only its user may read it, since it has a token."""
    path = _own()
    prepare()
    text = json.dumps({**endpoints, "demo_pid": os.getpid()}, indent=1)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def read() -> dict[str, Any]:
    """The endpoints of the running demo; of several, of the one that was ready last.

    Notes of demos that were killed are removed on the way.

    Raises:
        NoDemoError: There is none.
    """
    running: list[tuple[float, dict[str, Any]]] = []
    for path in _folder().glob("demo-*.json"):
        try:
            endpoints: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            os.kill(int(endpoints["demo_pid"]), 0)
            running.append((path.stat().st_mtime, endpoints))
        except ProcessLookupError:
            with contextlib.suppress(OSError):
                path.unlink()
        except (OSError, ValueError, KeyError):
            continue
    if not running:
        raise NoDemoError("no demo is running; start one with `make demo`, in another terminal")
    return max(running, key=lambda note: note[0])[1]


def forget() -> None:
    """Remove the note of this process' demo; those of others stay."""
    with contextlib.suppress(OSError):
        _own().unlink(missing_ok=True)
