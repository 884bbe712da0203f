"""Files that record the running demos, so that `signalscope fault` finds the latest one."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any


class NoDemoError(RuntimeError):
    """No demo is running."""


class StateError(RuntimeError):
    """The file of a running demo cannot be written; the message says what to do."""


def prepare() -> None:
    """Create the folder for the files of running demos.

    Raises:
        StateError: The folder cannot be created, or no file can be written there.
    """
    folder = _folder()
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        raise StateError(
            f"{folder}: no file can be written here, so `signalscope fault` could not find the demo; "
            "set XDG_STATE_HOME to a writable folder [SS734]"
        )


def _folder() -> Path:
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "signalscope"


def _own() -> Path:
    return _folder() / f"demo-{os.getpid()}.json"


def write(endpoints: dict[str, Any]) -> None:
    """Write the file of this demo; only its user may read it, since it has the token.

    Raises:
        StateError: The file cannot be written.
    """
    path = _own()
    prepare()
    text = json.dumps({**endpoints, "demo_pid": os.getpid()}, indent=1)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def read() -> dict[str, Any]:
    """Return the endpoints of the demo that became ready last, and remove the files of killed demos.

    Raises:
        NoDemoError: No demo is running.
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
        raise NoDemoError("no demo is running; start one with `make demo` in another terminal [SS735]")
    return max(running, key=lambda note: note[0])[1]


def forget() -> None:
    """Remove the file of this process' demo."""
    with contextlib.suppress(OSError):
        _own().unlink(missing_ok=True)
