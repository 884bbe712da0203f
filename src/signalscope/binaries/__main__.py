"""``python3 src/signalscope/binaries``: get what is missing, or say what is there."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

# Not as signalscope.binaries: when this is run as a folder, signalscope may not be installed yet.
sys.path.append(str(Path(__file__).resolve().parents[1]))

from binaries import BinaryError, find, install, projects  # type: ignore[import-not-found]  # see above


def main(arguments: Sequence[str] | None = None) -> int:
    """Get what is missing, or say what is there; return the exit status."""
    parser = argparse.ArgumentParser(description="Get the Collector, Prometheus and Alertmanager.")
    parser.add_argument("--check", action="store_true", help="only say where they are")
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
