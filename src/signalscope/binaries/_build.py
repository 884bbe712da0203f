"""Two ways to get a project: build it with Go from the pinned modules, or copy it out of the pinned image.

Each step is a child process. It reports its progress and can be cancelled.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ._projects import ROOT, BinaryError, Project

OLDEST_GO = (1, 26)
_REPORT_SECONDS = 10.0

#: Set it in another thread to end `install`; it leaves no unfinished files behind.
cancelled = threading.Event()

Say = Callable[[str], None]


def build(project: Project, made: Path, work: Path, say: Say, hear: Say | None = None) -> None:
    """Build a project; ``hear`` gets each line of the output."""
    go = _go()
    say(f"{project.name} {project.version}: building with Go")
    if project.packages:
        flags = [*project.flags, "-trimpath", f"-ldflags=-s -w{project.stamp}"]
        # Go writes several binaries into a folder. A single package may be named differently from its binary.
        output = f"{made}/" if len(project.packages) > 1 else f"{made}/{next(iter(project.binaries))}"
        command = [go, "build", "-v", *flags, "-o", output, *project.packages]
        run(project, command, ROOT / "tools" / project.module, say, hear)
        return
    builder = "go.opentelemetry.io/collector/cmd/builder"
    step = [go, "build", "-v", "-trimpath", "-o", f"{work}/builder", builder]
    run(project, step, ROOT / "tools" / "builder", say)
    manifest = (ROOT / "collector" / "builder.yaml").read_text(encoding="utf-8")
    own = work / "builder.yaml"
    for pattern, text in (
        (r"output_path: .*", f"output_path: {work}/sources"),
        (r"(?m)^  version: .*", f"  version: {project.version}"),
        (r"path: [.]/", f"path: {ROOT / 'collector'}/"),
    ):
        manifest = re.sub(pattern, text, manifest)
    own.write_text(manifest, encoding="utf-8")
    run(project, [f"{work}/builder", f"--config={own}", "--ldflags=-s -w"], work, say)
    shutil.move(f"{work}/sources/signalscope-otelcol", made)


def has_image(project: Project) -> bool:
    """Return True if Docker has the pinned image, so that nothing needs to be pulled or built."""
    docker = shutil.which("docker")
    command = [docker or "", "image", "inspect", project.image]
    return docker is not None and not subprocess.run(command, capture_output=True, check=False).returncode


def copy(project: Project, made: Path, _work: Path, say: Say, _hear: Say | None = None) -> None:
    docker = shutil.which("docker")
    if docker is None:
        raise BinaryError("Docker is not installed [SS753]")
    if project.dockerfile:
        say(f"{project.name} {project.version}: building with Docker")
        command = [docker, "build", "-f", project.dockerfile, "-t", project.image, "."]
        run(project, command, ROOT, say)
    say(f"{project.name} {project.version}: copying out of {project.image}")
    created = subprocess.run([docker, "create", project.image], capture_output=True, text=True, check=False)
    if created.returncode:
        raise BinaryError(f"Docker: {_last(created.stderr)} [SS753]")
    container = created.stdout.strip()
    try:
        for name, inside in project.binaries.items():
            run(project, [docker, "cp", f"{container}:{inside}", f"{made}/{name}"], made, say)
    finally:
        subprocess.run([docker, "rm", container], capture_output=True, check=False)


def _go() -> str:
    go = shutil.which("go")
    if go is None:
        raise BinaryError("Go is not installed [SS752]")
    answer = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=False)
    number = re.match(r"go(\d+)\.(\d+)", answer.stdout)
    if number is None or (int(number[1]), int(number[2])) < OLDEST_GO:
        raise BinaryError(
            f"Go {answer.stdout.strip() or '?'} is too old; {OLDEST_GO[0]}.{OLDEST_GO[1]} is needed [SS752]"
        )
    return go


def _last(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"


def pause(seconds: float) -> None:
    if cancelled.wait(seconds):
        raise BinaryError("cancelled [SS755]")


def run(project: Project, command: Sequence[str], folder: Path, say: Say, hear: Say | None = None) -> None:
    """Run a step; report every few seconds how long it has run, and the latest line of its output."""
    environment = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local"}
    latest = ["starting"]
    begun = said = time.monotonic()
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    ) as step:  # fmt: skip
        lines: list[str] = []
        reader = threading.Thread(target=_read, args=(step.stdout, lines, latest, hear), daemon=True)
        reader.start()
        try:
            while step.poll() is None:
                pause(0.1)
                now = time.monotonic()
                if now - said >= _REPORT_SECONDS:
                    said = now
                    say(f"{project.name} {project.version}: {now - begun:.0f} s: {latest[0][:90]}")
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(step.pid, signal.SIGKILL)  # also the compilers that the step has started
            raise
        reader.join(5)
        if step.returncode:
            what = f"{Path(command[0]).name} {command[1]}"
            raise BinaryError(f"{what} failed: {' | '.join(lines[-5:])} [SS754]")


def _read(stream: Iterable[str] | None, lines: list[str], latest: list[str], hear: Say | None) -> None:
    for line in stream or ():
        if line.strip():
            if hear is not None:
                hear(line.strip())
            lines.append(line.strip())
            latest[0] = _readable(line)
            del lines[:-50]


def _readable(line: str) -> str:
    """Return the message of a line; the builder's log has time, level and place before it."""
    fields = line.strip().split("\t")
    return fields[3] if len(fields) > 3 else fields[0]
