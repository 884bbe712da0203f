"""``python3 src/signalscope/binaries``: get the missing binaries, and print where each one is."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

# Not as signalscope.binaries: signalscope may not be installed yet when Python runs this folder.
sys.path.append(str(Path(__file__).resolve().parents[1]))

from binaries import BinaryError, find, install, projects  # type: ignore[import-not-found]  # see above


def main(arguments: Sequence[str] | None = None) -> int:
    """Get the missing binaries, print where each one is, and return the exit status."""
    parser = argparse.ArgumentParser(description="Get the Collector, Prometheus and Alertmanager.")
    parser.add_argument("--check", action="store_true", help="only print where they are")
    options = parser.parse_args(arguments)
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


if __name__ == "__main__":
    sys.exit(main())
