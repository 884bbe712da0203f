"""The command line, with one file for each command."""

from signalscope.cli._app import app, run

__all__ = ["app", "run"]
