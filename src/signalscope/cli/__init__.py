"""The command line: one file a command."""

from signalscope.cli._app import app, run

__all__ = ["app", "run"]
