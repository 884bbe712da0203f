"""Find, build or copy the Collector, Prometheus and Alertmanager with their tools, at the pinned versions.

`make setup`, the demo and the tests use this package. It needs the standard library only and must not import
signalscope, since it also runs before the virtual environment is complete::

    python3 src/signalscope/binaries            # get the missing binaries
    python3 src/signalscope/binaries --check    # only print where each binary is

A binary on PATH is used if it has the pinned version. Otherwise it comes from the cache,
``$XDG_CACHE_HOME/signalscope/bin/PROJECT-VERSION/``. A missing binary is built with Go from ``tools/`` and
``collector/builder.yaml``. If that fails, it is copied out of the pinned container image. ``.env`` has the versions.
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
