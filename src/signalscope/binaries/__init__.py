"""Find, build or copy the Collector, Prometheus and Alertmanager with their tools, at the pinned versions.

`make setup`, the demo and the tests use this package. It needs the standard library only and must not import
signalscope, since it also runs before the virtual environment is complete::

    python3 src/signalscope/binaries            # get all
    python3 src/signalscope/binaries --check    # print where each is
    python3 src/signalscope/binaries --demo F   # for the demo

A binary on PATH is used if it has the pinned version. Otherwise it comes from the cache,
``$XDG_CACHE_HOME/signalscope/bin/PROJECT-VERSION/``. A missing binary is copied out of the pinned image if Docker
has it. Otherwise it is built with Go from ``tools/`` and ``collector/builder.yaml``. Only if that fails is
the image pulled. ``.env`` has the versions.
"""

from ._build import cancelled
from ._find import find, missing, missing_for_demo
from ._install import install, install_for_demo
from ._progress import Progress, titles
from ._projects import (
    ROOT,
    BinaryError,
    NoCheckoutError,
    Project,
    cache,
    projects,
    projects_for_demo,
    versions,
)

__all__ = [
    "ROOT",
    "BinaryError",
    "NoCheckoutError",
    "Progress",
    "Project",
    "cache",
    "cancelled",
    "find",
    "install",
    "install_for_demo",
    "missing",
    "missing_for_demo",
    "projects",
    "projects_for_demo",
    "titles",
    "versions",
]
