"""``python3 src/signalscope/binaries``: get the missing binaries, and print where each one is."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

# Not as signalscope.binaries: signalscope may not be installed yet when Python runs this folder.
sys.path.append(str(Path(__file__).resolve().parents[1]))

from binaries import (  # type: ignore[import-not-found]  # see above
    BinaryError,
    Progress,
    cancelled,
    find,
    install,
    install_for_demo,
    missing_for_demo,
    projects,
)

#: The service of the demo and its users come first.
_NICENESS = 10


def main(arguments: Sequence[str] | None = None) -> int:
    """Get the missing binaries, print where each one is, and return the exit status."""
    parser = argparse.ArgumentParser(description="Get the Collector, Prometheus and Alertmanager.")
    parser.add_argument("--check", action="store_true", help="only print where they are")
    parser.add_argument(
        "--demo", type=Path, metavar="FILE", help="get what the demo runs; FILE: the progress"
    )
    options = parser.parse_args(arguments)
    if options.demo is not None:
        return _for_demo(options.demo)
    try:
        if not options.check:
            install(lambda line: print(line, flush=True))
        for project in projects():
            for name in project.binaries:
                print(f"{name}: {find(name)}")
    except BinaryError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _for_demo(path: Path) -> int:
    """Get what the demo runs, until it is there or the demo has ended."""
    parent = os.getppid()
    os.nice(_NICENESS)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: cancelled.set())

    def watch_parent() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        cancelled.set()

    threading.Thread(target=watch_parent, daemon=True).start()
    progress = Progress(path, [project.name for project in missing_for_demo()])
    install_for_demo(progress, lambda line: print(line, flush=True))
    return 130 if cancelled.is_set() else 0


if __name__ == "__main__":
    sys.exit(main())
