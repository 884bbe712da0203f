"""The ``signalscope`` command."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line.

    Exit with a message that says what to install if a package is missing, and with status 130 after Ctrl-C.
    """
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
        sys.exit(f"signalscope: {error.name} is missing; pip install 'signalscope[cli]' [SS701]")
    run()


if __name__ == "__main__":
    main()
