"""Two ways to get a project: build it with Go from the pinned modules, or copy it out of the pinned image."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from ._projects import ROOT, BinaryError, Project
from ._steps import Say, run

OLDEST_GO = (1, 26)


def build(project: Project, made: Path, work: Path, say: Say) -> None:
    go = _go()
    say(f"{project.name} {project.version}: building with Go")
    if project.packages:
        flags = [*project.flags, "-trimpath", f"-ldflags=-s -w{project.stamp}"]
        run(
            project,
            [go, "build", "-v", *flags, "-o", _output(project, made), *project.packages],
            ROOT / "tools" / project.name,
            say,
        )
        return
    builder = "go.opentelemetry.io/collector/cmd/builder"
    run(project, [go, "build", "-v", "-o", f"{work}/builder", builder], ROOT / "tools" / "builder", say)
    manifest = (ROOT / "collector" / "builder.yaml").read_text(encoding="utf-8")
    own = work / "builder.yaml"
    own.write_text(re.sub(r"output_path: .*", f"output_path: {work}/sources", manifest), encoding="utf-8")
    run(project, [f"{work}/builder", f"--config={own}", "--ldflags=-s -w"], work, say)
    shutil.move(f"{work}/sources/signalscope-otelcol", made)


def _output(project: Project, made: Path) -> str:
    """Where Go builds to: a folder for several, a file for one, whose package may be called otherwise."""
    return f"{made}/" if len(project.packages) > 1 else f"{made}/{next(iter(project.binaries))}"


def copy(project: Project, made: Path, _work: Path, say: Say) -> None:
    docker = shutil.which("docker")
    if docker is None:
        raise BinaryError("Docker is not installed")
    say(f"{project.name} {project.version}: copying out of {project.image}")
    created = subprocess.run([docker, "create", project.image], capture_output=True, text=True, check=False)
    if created.returncode:
        raise BinaryError(f"Docker: {_last(created.stderr)}")
    container = created.stdout.strip()
    try:
        for name, inside in project.binaries.items():
            run(project, [docker, "cp", f"{container}:{inside}", f"{made}/{name}"], made, say)
    finally:
        subprocess.run([docker, "rm", container], capture_output=True, check=False)


def _go() -> str:
    go = shutil.which("go")
    if go is None:
        raise BinaryError("Go is not installed")
    answer = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=False)
    number = re.match(r"go(\d+)\.(\d+)", answer.stdout)
    if number is None or (int(number[1]), int(number[2])) < OLDEST_GO:
        raise BinaryError(
            f"Go {answer.stdout.strip() or '?'} is too old; {OLDEST_GO[0]}.{OLDEST_GO[1]} is needed"
        )
    return go


def _last(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"
