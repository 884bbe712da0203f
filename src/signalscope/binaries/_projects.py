"""The pinned projects: their versions, what each installs, and where it is cached. A table, and no action."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "ROOT",
    "BinaryError",
    "NoCheckoutError",
    "Project",
    "cache",
    "projects",
    "projects_for_tests",
    "versions",
]

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
        binaries: What it installs, each with the names it may have on PATH.
        image: The container image that has them.
        in_image: Where each is in the image.
        packages: Go packages of tools/NAME; empty for the Collector, which the builder makes.
        flags: More flags of the build.
        stamp: More flags of the linker.
    """

    name: str
    version: str
    binaries: tuple[tuple[str, tuple[str, ...]], ...]
    image: str
    in_image: tuple[str, ...]
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
    pinned = versions()
    prometheus, alertmanager = (
        "github.com/prometheus/prometheus/cmd",
        "github.com/prometheus/alertmanager/cmd",
    )
    return (
        Project(
            "otelcol",
            pinned["OTELCOL_VERSION"],
            (("signalscope-otelcol", ("signalscope-otelcol", "otelcol-contrib")),),
            pinned["OTELCOL_IMAGE"],
            ("/otelcol-contrib",),
        ),
        Project(
            "prometheus",
            pinned["PROMETHEUS_VERSION"],
            (("prometheus", ("prometheus",)), ("promtool", ("promtool",))),
            pinned["PROMETHEUS_IMAGE"],
            ("/bin/prometheus", "/bin/promtool"),
            (f"{prometheus}/prometheus", f"{prometheus}/promtool"),
            # Service discovery of clouds is most of its size; files and HTTP stay.
            ("-tags", "remove_all_sd"),
        ),
        Project(
            "alertmanager",
            pinned["ALERTMANAGER_VERSION"],
            (("alertmanager", ("alertmanager",)), ("amtool", ("amtool",))),
            pinned["ALERTMANAGER_IMAGE"],
            ("/bin/alertmanager", "/bin/amtool"),
            (f"{alertmanager}/alertmanager", f"{alertmanager}/amtool"),
        ),
    )


def projects_for_tests() -> tuple[Project, ...]:
    """What only the tests need."""
    pinned = versions()
    return (
        Project(
            "compose",
            pinned["COMPOSE_VERSION"],
            (("docker-compose", ("docker-compose",)),),
            pinned["COMPOSE_IMAGE"],
            ("/docker-compose",),
            ("github.com/docker/compose/v2/cmd",),
            stamp=f" -X github.com/docker/compose/v2/internal.Version=v{pinned['COMPOSE_VERSION']}",
        ),
        Project(
            "pint",
            pinned["PINT_VERSION"],
            (("pint", ("pint",)),),
            pinned["PINT_IMAGE"],
            ("/usr/local/bin/pint",),
            ("github.com/cloudflare/pint/cmd/pint",),
            stamp=f" -X main.version={pinned['PINT_VERSION']}",
        ),
    )


def cache() -> Path:
    """Return the folder with a folder for each project and version."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "signalscope" / "bin"
