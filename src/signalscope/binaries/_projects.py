"""The pinned projects: the version, the binaries and the cache folder of each."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path

#: The root of the checkout.
ROOT = Path(__file__).resolve().parents[3]


class BinaryError(RuntimeError):
    """A binary that is missing, or could be neither built nor copied; the message says what to do."""


class NoCheckoutError(BinaryError):
    """The package runs without a checkout, which has the pinned versions and the configuration of the parts."""


@dataclass(frozen=True)
class Project:
    """A project at its pinned version.

    Attributes:
        name: The common name.
        version: The pinned version.
        image: The container image with the binaries.
        binaries: The name of each binary, and its path in the image.
        packages: The Go package of each binary; empty if the OpenTelemetry builder makes the project.
        module: The folder in tools/ with the pinned modules of the packages.
        flags: More flags of ``go build``.
        stamp: More flags of the linker.
        dockerfile: The file that builds the image; empty for an image of a registry.
    """

    name: str
    version: str
    image: str
    binaries: dict[str, str]
    packages: tuple[str, ...] = ()
    module: str = ""
    flags: tuple[str, ...] = ()
    stamp: str = ""
    dockerfile: str = ""

    @property
    def folder(self) -> Path:
        """The cache folder of this version."""
        return cache() / f"{self.name}-{self.version}"


def versions(path: Path = ROOT / ".env") -> dict[str, str]:
    """Return the pinned versions and images by their names in ``.env``.

    Raises:
        NoCheckoutError: The file does not exist.

    Example:
        >>> "PROMETHEUS_VERSION" in versions()
        True
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        raise NoCheckoutError(
            f"the whole pipeline runs only from a checkout, and {path.parent} is not one; clone the repository and "
            "run `make demo` there [SS756]"
        ) from None
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def projects() -> tuple[Project, ...]:
    """Return the projects of the local stack with their tools, the longest build first.

    Example:
        >>> [project.name for project in projects()]
        ['otelcol', 'prometheus', 'alertmanager']
    """
    return (
        _collector(),
        _prometheus("prometheus", "prometheus", "promtool"),
        _prometheus("alertmanager", "alertmanager", "amtool"),
    )


def projects_for_demo() -> tuple[Project, ...]:
    """Return only what the demo runs, in the order of its builds.

    The Collector is first: Prometheus reads from it. It has the components of ``collector/config.yaml`` only, so its
    cache folder is not that of the whole Collector.

    Example:
        >>> [list(project.binaries) for project in projects_for_demo()]
        [['signalscope-otelcol'], ['prometheus'], ['alertmanager']]
    """
    return (
        replace(_collector("./otelcol", module="servers"), name="otelcol-demo"),
        _prometheus("prometheus", "prometheus"),
        _prometheus("alertmanager", "alertmanager"),
    )


def _collector(*packages: str, module: str = "") -> Project:
    """Return the Collector; the hash of its own components is a part of its version."""
    project = _pinned("otelcol", {"signalscope-otelcol": "/signalscope-otelcol"}, packages, module=module)
    version = f"{project.version}-{_digest(ROOT / 'collector')}"
    return replace(project, version=version, dockerfile="deploy/collector/Dockerfile")


def _digest(folder: Path) -> str:
    """Return a short hash of what the Collector is built from: a change must not find the old binary in the cache."""
    sources = [folder / "builder.yaml", *(folder / "components").rglob("*")]
    digest = hashlib.sha256()
    for path in sorted(sources):
        if path.is_file() and not path.name.endswith("_test.go"):
            digest.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:8]


def _prometheus(name: str, *binaries: str) -> Project:
    """Return a project of the Prometheus organisation; these have a Go package for each binary."""
    packages = tuple(f"github.com/prometheus/{name}/cmd/{binary}" for binary in binaries)
    module = "servers" if name == "prometheus" else name
    return _pinned(name, {binary: f"/bin/{binary}" for binary in binaries}, packages, module=module)


def projects_for_tests() -> tuple[Project, ...]:
    """Return the projects that only the tests need."""
    compose = "github.com/docker/compose/v2"
    return (
        _pinned(
            "compose",
            {"docker-compose": "/docker-compose"},
            (f"{compose}/cmd",),
            stamp=f" -X {compose}/internal.Version=v{{version}}",
        ),
        _pinned(
            "pint",
            {"pint": "/usr/local/bin/pint"},
            ("github.com/cloudflare/pint/cmd/pint",),
            stamp=" -X main.version={version}",
        ),
    )


def _pinned(
    name: str,
    binaries: dict[str, str],
    packages: tuple[str, ...] = (),
    *,
    module: str = "",
    stamp: str = "",
) -> Project:
    """Return a project at its pinned version; ``{version}`` in the stamp stands for that version."""
    pinned = versions()
    version, image = pinned[f"{name.upper()}_VERSION"], pinned[f"{name.upper()}_IMAGE"]
    # Cloud service discovery is most of the size of Prometheus; discovery by files and HTTP stays.
    flags = ("-tags", "remove_all_sd") if module == "servers" else ()
    return Project(
        name, version, image, binaries, packages, module or name, flags, stamp.format(version=version)
    )


def cache() -> Path:
    """Return the cache folder, which has a folder for each project and version."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "signalscope" / "bin"
