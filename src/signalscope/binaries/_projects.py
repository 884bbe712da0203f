"""The pinned projects: their versions, what each installs, and where it is cached. A table, and no action."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

#: The checkout.
ROOT = Path(__file__).resolve().parents[3]


class BinaryError(RuntimeError):
    """A part that is missing, or could not be got; the message says what to do."""


class NoCheckoutError(BinaryError):
    """The package was installed without the repository, which has the versions and the configuration of the parts."""


@dataclass(frozen=True)
class Project:
    """One of the pinned parts.

    Attributes:
        name: What people call it.
        version: The pinned version.
        image: The container image that has its binaries.
        binaries: The names of what it installs, and where each is in the image.
        packages: Go packages of tools/NAME; empty for the Collector, which the builder makes.
        flags: More flags of the build.
        stamp: More flags of the linker.
    """

    name: str
    version: str
    image: str
    binaries: dict[str, str]
    packages: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    stamp: str = ""

    @property
    def folder(self) -> Path:
        """Where it is cached."""
        return cache() / f"{self.name}-{self.version}"


def versions(path: Path = ROOT / ".env") -> dict[str, str]:
    """The pinned versions and images.

    Raises:
        NoCheckoutError: The file is not there.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        raise NoCheckoutError(
            f"the whole pipeline runs from a checkout, and {path.parent} is not one: clone the repository and use "
            "`make demo`"
        ) from None
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def projects() -> tuple[Project, ...]:
    """The parts of the local stack, the one that takes longest first."""
    return (
        _pinned("otelcol", {"signalscope-otelcol": "/otelcol-contrib"}),
        # Service discovery of clouds is most of its size; files and HTTP stay.
        _prometheus("prometheus", "prometheus", "promtool", flags=("-tags", "remove_all_sd")),
        _prometheus("alertmanager", "alertmanager", "amtool"),
    )


def _prometheus(name: str, *binaries: str, flags: tuple[str, ...] = ()) -> Project:
    """Return one of the Prometheus project's parts, which have a Go package for each binary."""
    packages = tuple(f"github.com/prometheus/{name}/cmd/{binary}" for binary in binaries)
    return _pinned(name, {binary: f"/bin/{binary}" for binary in binaries}, packages, flags=flags)


def projects_for_tests() -> tuple[Project, ...]:
    """Return the parts that only the tests need."""
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
    flags: tuple[str, ...] = (),
    stamp: str = "",
) -> Project:
    """Return a project at its pinned version, which takes the place of ``{version}`` in the stamp."""
    pinned = versions()
    version, image = pinned[f"{name.upper()}_VERSION"], pinned[f"{name.upper()}_IMAGE"]
    return Project(name, version, image, binaries, packages, flags, stamp.format(version=version))


def cache() -> Path:
    """Return the folder with a folder for each project and version."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "signalscope" / "bin"
