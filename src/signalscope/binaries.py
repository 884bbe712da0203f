"""The Collector, Prometheus and Alertmanager, with their tools: found, built or copied, at the pinned versions.

Standard library only, and no import of signalscope: it runs while the virtual environment is still being made::

    python3 src/signalscope/binaries.py            # get what is missing
    python3 src/signalscope/binaries.py --check    # only say where everything is

Each is looked for on PATH, where only the pinned version counts; then in the cache,
``$XDG_CACHE_HOME/signalscope/bin/PROJECT-VERSION/``. What is missing is built with Go from ``tools/`` and
``collector/builder.yaml``, else copied out of the pinned container image.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "ROOT",
    "BinaryError",
    "Project",
    "cancelled",
    "find",
    "install",
    "missing",
    "projects",
    "versions",
]

#: The checkout.
ROOT = Path(__file__).resolve().parents[2]
_OLDEST_GO = (1, 26)
_REPORT_SECONDS = 10.0
#: What is being made lies in folders of this prefix, beside what is ready.
_UNFINISHED = ".making-"

#: Set by another thread to end whatever `install` is doing; nothing half done is left.
cancelled = threading.Event()

Say = Callable[[str], None]


class BinaryError(RuntimeError):
    """A part that is missing, or could not be got; the message says what to do."""


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
        return _cache() / f"{self.name}-{self.version}"


def versions(path: Path = ROOT / ".env") -> dict[str, str]:
    """The pinned versions and images.

    Raises:
        BinaryError: The file is not there: this is not a checkout.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        raise BinaryError(
            f"{path} is not there. The local stack runs from a checkout: git clone the repository and use make demo"
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


def find(name: str) -> Path:
    """Where a binary is: ``signalscope-otelcol``, ``prometheus``, ``promtool``, ``alertmanager`` or ``amtool``.

    Raises:
        BinaryError: It is not there at the pinned version.
    """
    for project in (*projects(), *projects_for_tests()):
        for binary, aliases in project.binaries:
            if binary == name:
                found = _on_path(aliases, project.version) or _cached(project, binary)
                if found is None:
                    raise BinaryError(f"{name} {project.version} is missing; `make setup` gets it")
                return found
    raise BinaryError(f"no binary {name!r}")


def missing(*, tests: bool = False) -> list[Project]:
    """The parts of which something is not there; with what only the tests need, if asked."""
    return [
        project
        for project in (*projects(), *(projects_for_tests() if tests else ()))
        if not all(
            _on_path(aliases, project.version) or _cached(project, binary)
            for binary, aliases in project.binaries
        )
    ]


def install(say: Say = print, *, tests: bool = False) -> None:
    """Get everything that is missing, one part after the other, saying how far it is.

    Args:
        say: Told what is done, a line at a time.
        tests: Also what only the tests need.

    Raises:
        BinaryError: A part could not be got; the message says why, and what to do.
    """
    if not missing(tests=tests):
        return
    try:
        with _alone(say):
            for project in missing(tests=tests):  # another one may have made some meanwhile
                _install(project, say)
    except OSError as error:
        raise BinaryError(f"{error.filename or _cache()}: {error.strerror or error}") from None


def _install(project: Project, say: Say) -> None:
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(
        prefix=f"{_UNFINISHED}{project.name}-", dir=project.folder.parent
    ) as work:
        made = Path(work) / "made"
        made.mkdir()
        _get(project, made, Path(work), say)
        shutil.rmtree(project.folder, ignore_errors=True)
        made.rename(project.folder)
    say(f"{project.name} {project.version}: ready after {time.monotonic() - begun:.0f} s")


@contextmanager
def _alone(say: Say) -> Iterator[None]:
    """Be the only one that fills the cache; another one is waited for, and what a killed one left is removed."""
    cache = _cache()
    cache.mkdir(parents=True, exist_ok=True)
    lock = os.open(cache, os.O_RDONLY)
    try:
        waits = False
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not waits:
                    say(f"another setup is filling {cache}; waiting for it")
                waits = True
                _pause(0.5)
        for left in cache.glob(f"{_UNFINISHED}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield
    finally:
        os.close(lock)


def _pause(seconds: float) -> None:
    if cancelled.wait(seconds):
        raise BinaryError("cancelled")


def _get(project: Project, made: Path, work: Path, say: Say) -> None:
    reasons = []
    for way in (_build, _copy):
        try:
            way(project, made, work, say)
        except BinaryError as error:
            if cancelled.is_set():
                raise
            reasons.append(str(error))
        else:
            return
    raise BinaryError(
        f"{project.name} {project.version} cannot be had:\n  - "
        + "\n  - ".join(reasons)
        + f"\nInstall Go {_OLDEST_GO[0]}.{_OLDEST_GO[1]} or newer (https://go.dev/dl/), or start Docker, or put "
        f"{' and '.join(name for name, _ in project.binaries)} {project.version} on your PATH. Then: make setup"
    )


def _build(project: Project, made: Path, work: Path, say: Say) -> None:
    go = _go()
    say(f"{project.name} {project.version}: building with Go")
    if project.packages:
        flags = [*project.flags, "-trimpath", f"-ldflags=-s -w{project.stamp}"]
        _run(
            project,
            [go, "build", "-v", *flags, "-o", _output(project, made), *project.packages],
            ROOT / "tools" / project.name,
            say,
        )
        return
    builder = "go.opentelemetry.io/collector/cmd/builder"
    _run(project, [go, "build", "-v", "-o", f"{work}/builder", builder], ROOT / "tools" / "builder", say)
    manifest = (ROOT / "collector" / "builder.yaml").read_text(encoding="utf-8")
    own = work / "builder.yaml"
    own.write_text(re.sub(r"output_path: .*", f"output_path: {work}/sources", manifest), encoding="utf-8")
    _run(project, [f"{work}/builder", f"--config={own}", "--ldflags=-s -w"], work, say)
    shutil.move(f"{work}/sources/signalscope-otelcol", made)


def _output(project: Project, made: Path) -> str:
    """Where Go builds to: a folder for several, a file for one, whose package may be called otherwise."""
    return f"{made}/" if len(project.packages) > 1 else f"{made}/{project.binaries[0][0]}"


def _copy(project: Project, made: Path, _work: Path, say: Say) -> None:
    docker = shutil.which("docker")
    if docker is None:
        raise BinaryError("Docker is not installed")
    say(f"{project.name} {project.version}: copying out of {project.image}")
    created = subprocess.run([docker, "create", project.image], capture_output=True, text=True, check=False)
    if created.returncode:
        raise BinaryError(f"Docker: {_last(created.stderr)}")
    container = created.stdout.strip()
    try:
        for (name, _), inside in zip(project.binaries, project.in_image, strict=True):
            _run(project, [docker, "cp", f"{container}:{inside}", f"{made}/{name}"], made, say)
    finally:
        subprocess.run([docker, "rm", container], capture_output=True, check=False)


def _go() -> str:
    go = shutil.which("go")
    if go is None:
        raise BinaryError("Go is not installed")
    answer = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=False)
    number = re.match(r"go(\d+)\.(\d+)", answer.stdout)
    if number is None or (int(number[1]), int(number[2])) < _OLDEST_GO:
        raise BinaryError(
            f"Go {answer.stdout.strip() or '?'} is too old; {_OLDEST_GO[0]}.{_OLDEST_GO[1]} is needed"
        )
    return go


def _run(project: Project, command: Sequence[str], folder: Path, say: Say) -> None:
    """Run a step, saying every few seconds that it still runs and what it does."""
    environment = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local"}
    latest = ["starting"]
    begun = said = time.monotonic()
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    ) as step:  # fmt: skip
        lines: list[str] = []
        reader = threading.Thread(target=_read, args=(step.stdout, lines, latest), daemon=True)
        reader.start()
        try:
            while step.poll() is None:
                _pause(0.1)
                now = time.monotonic()
                if now - said >= _REPORT_SECONDS:
                    said = now
                    say(f"{project.name} {project.version}: {now - begun:.0f} s: {latest[0][:90]}")
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(step.pid, signal.SIGKILL)  # the compilers that it has started too
            raise
        reader.join(5)
        if step.returncode:
            raise BinaryError(f"{Path(command[0]).name} {command[1]} failed: " + " | ".join(lines[-5:]))


def _read(stream: Iterable[str] | None, lines: list[str], latest: list[str]) -> None:
    for line in stream or ():
        if line.strip():
            lines.append(line.strip())
            latest[0] = _readable(line)
            del lines[:-50]


def _readable(line: str) -> str:
    """A line of Go's or the builder's, whose log has time, level and place before the message."""
    fields = line.strip().split("\t")
    return fields[3] if len(fields) > 3 else fields[0]


def _on_path(names: Iterable[str], version: str) -> Path | None:
    for name in names:
        found = shutil.which(name)
        if found is None:
            continue
        try:
            answer = subprocess.run(
                [found, "--version"], capture_output=True, text=True, check=False, timeout=10
            )
        except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):  # something else of that name
            continue
        if re.search(rf"\bv?{re.escape(version)}\b", answer.stdout + answer.stderr):
            return Path(found)
    return None


def _cached(project: Project, binary: str) -> Path | None:
    path = project.folder / binary
    return path if path.is_file() and os.access(path, os.X_OK) else None


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "signalscope" / "bin"


def _last(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"


def main(arguments: Sequence[str] | None = None) -> int:
    """Get what is missing, or say what is there."""
    parser = argparse.ArgumentParser(description="Get the Collector, Prometheus and Alertmanager.")
    parser.add_argument("--check", action="store_true", help="only say where they are")
    options = parser.parse_args(arguments)
    try:
        if not options.check:
            install(lambda line: print(line, flush=True))
        for project in projects():
            for name, _ in project.binaries:
                print(f"{name}: {find(name)}")
    except BinaryError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
