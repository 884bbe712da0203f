"""The ``signalscope`` command."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; without its packages, say what to install. Ctrl-C ends it without a traceback."""
    try:
        _run()
    except KeyboardInterrupt:
        sys.exit(130)


def _run() -> None:
    try:
        from signalscope.cli import run  # noqa: PLC0415  # its packages may not be installed
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("signalscope"):
            raise
        sys.exit(f"signalscope: {error.name} is not installed; pip install 'signalscope[cli]'")
    run()


if __name__ == "__main__":
    main()
