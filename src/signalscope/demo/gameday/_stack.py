"""The demo that a game day runs on: a running one, or one of its own."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from signalscope.cli._errors import UserError
from signalscope.demo.stack import state
from signalscope.demo.stack._processes import Part, PartError, wait_until
from signalscope.demo.stack.run import missing_parts

_SECONDS_TO_START, _SECONDS_TO_BUILD, _SECONDS_TO_STOP = 300.0, 1_800.0, 60.0
_NEEDED = ("service", "prometheus", "alertmanager", "dependencies", "supervisor", "logs")


@contextmanager
def demo(endpoints: Path | None, say: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    """Yield the endpoints of a demo: of a file, otherwise of the running demo, otherwise of a new one.

    Args:
        endpoints: The file that `signalscope demo --endpoints` wrote; None to look for a demo.
        say: Called with each line of progress.

    Raises:
        UserError: The demo has no Prometheus, another game day runs on it, or it cannot be started.
    """
    if endpoints is not None:
        try:
            running = json.loads(endpoints.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(
                f"--endpoints {endpoints}: {getattr(error, 'strerror', None) or 'not JSON'}; "
                "give the file of `signalscope demo --endpoints FILE` [SS766]"
            ) from None
    else:
        try:
            running = state.read()
        except state.NoDemoError:
            with _own(say) as running, _alone(running):
                yield running
            return
        say(f"the game day runs on the demo at {running['console']}")
    with _alone(running):
        yield running


@contextmanager
def _alone(running: dict[str, Any]) -> Iterator[None]:
    """Check that a demo is complete, and keep other game days away from it during the block.

    Raises:
        UserError: A part is missing, or another game day runs on this demo.
    """
    if missing := [name for name in _NEEDED if name not in running]:
        raise UserError(
            f"this demo has no {', '.join(missing)}, which a game day needs; "
            "wait until they are built, or run `make setup` and start the demo again [SS766]"
        )
    try:
        lock = (Path(running["logs"]) / "gameday.lock").open("a+", encoding="utf-8")
    except OSError:
        raise UserError(
            f"the demo with the data in {running['logs']} has ended; start it again [SS766]"
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise UserError(
                f"another game day (process {lock.read()}) runs on this demo; wait until it ends [SS767]"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


@contextmanager
def _own(say: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    why, must_build = missing_parts()
    if why:
        raise UserError(f"{why}; a game day needs the whole pipeline [SS766]")
    folder = Path(tempfile.mkdtemp(prefix="signalscope-gameday-"))
    file, log = folder / "endpoints.json", folder / "demo.log"
    say(f"starting a demo for the game day; its log is {log}")
    has_failed = False
    try:
        part = Part("demo", [sys.executable, "-m", "signalscope", "demo", "--endpoints", file], log)
        try:
            seconds = _SECONDS_TO_BUILD if must_build else _SECONDS_TO_START
            wait_until(file.exists, "the demo", seconds, [part])
            yield json.loads(file.read_text(encoding="utf-8"))
        finally:
            say("stopping the demo")
            part.stop(_SECONDS_TO_STOP)
    except PartError as error:
        has_failed = True  # the log stays
        raise UserError(str(error)) from None
    finally:
        if not has_failed:
            shutil.rmtree(folder, ignore_errors=True)
