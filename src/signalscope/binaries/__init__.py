"""The Collector, Prometheus and Alertmanager, with their tools: found, built or copied, at the pinned versions.

A tool of its own, for `make setup`, the demo and the tests. It uses the standard library only and imports nothing of
signalscope, also not by its name: it runs while the virtual environment is still being made::

    python3 src/signalscope/binaries            # get what is missing
    python3 src/signalscope/binaries --check    # only say where everything is

Each is looked for on PATH, where only the pinned version counts; then in the cache,
``$XDG_CACHE_HOME/signalscope/bin/PROJECT-VERSION/``. What is missing is built with Go from ``tools/`` and
``collector/builder.yaml``, else copied out of the pinned container image. The versions are in ``.env``.
"""

from ._build import cancelled
from ._find import find, missing
from ._install import install
from ._projects import ROOT, BinaryError, NoCheckoutError, Project, projects, versions

__all__ = [
    "ROOT",
    "BinaryError",
    "NoCheckoutError",
    "Project",
    "cancelled",
    "find",
    "install",
    "missing",
    "projects",
    "versions",
]
