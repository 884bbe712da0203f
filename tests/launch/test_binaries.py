"""Finding, building and missing binaries."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from signalscope.demo import binaries
from signalscope.demo.binaries import BinaryError, Project


def _program(path: Path, says: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing: an empty PATH, and an empty cache."""
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def test_only_the_pinned_version_on_path_counts(bare: Path) -> None:
    """The distribution's own Prometheus is too old for the configuration, whatever its name."""
    pinned = binaries.versions()["PROMETHEUS_VERSION"]
    _program(bare / "path" / "promtool", "promtool, version 2.42.0+ds (branch: debian)")
    with pytest.raises(BinaryError, match=f"promtool {pinned} is missing; `make setup` gets it"):
        binaries.find("promtool")
    right = _program(bare / "path" / "promtool", f"promtool, version {pinned} (branch: HEAD)")
    assert binaries.find("promtool") == right


def test_the_cache_is_keyed_by_version(bare: Path) -> None:
    """An older one that was built before is not taken."""
    pinned = binaries.versions()["ALERTMANAGER_VERSION"]
    _program(bare / "cache" / "signalscope" / "bin" / "alertmanager-0.1.0" / "amtool", "")
    with pytest.raises(BinaryError, match="amtool"):
        binaries.find("amtool")
    own = _program(bare / "cache" / "signalscope" / "bin" / f"alertmanager-{pinned}" / "amtool", "")
    assert binaries.find("amtool") == own


def test_without_go_and_docker_the_way_out_is_told(bare: Path) -> None:
    """One message: what is missing, why each way failed, what to install."""
    with pytest.raises(BinaryError) as failed:
        binaries.install(lambda _: None)
    message = str(failed.value)
    for part in (
        "otelcol",
        "Go is not installed",
        "Docker is not installed",
        "https://go.dev/dl/",
        "make setup",
    ):
        assert part in message
    assert [project.name for project in binaries.missing()] == ["otelcol", "prometheus", "alertmanager"]


def test_a_go_that_is_too_old_is_told(bare: Path) -> None:
    """With the version that was found and the one that is needed."""
    _program(bare / "path" / "go", "go1.19.8")
    with pytest.raises(BinaryError, match=r"Go go1\.19\.8 is too old; 1\.26 is needed"):
        binaries.install(lambda _: None)


def test_a_build_that_fails_leaves_nothing_half_done(bare: Path) -> None:
    """Its last lines are in the message, and the cache has no folder that could be taken for a binary."""
    go = _program(bare / "path" / "go", "")
    go.write_text(
        '#!/bin/sh\nif [ "$1" = env ]; then echo go1.26.0; else echo "no such module"; exit 3; fi\n',
        encoding="utf-8",
    )
    with pytest.raises(BinaryError, match="no such module"):
        binaries.install(lambda _: None)
    assert list((bare / "cache" / "signalscope" / "bin").iterdir()) == []


def test_progress_is_shown_while_something_is_built(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is being built, since when, and the builder's latest line."""
    monkeypatch.setattr(binaries, "_REPORT_SECONDS", 0.2)
    slow = _program(bare / "path" / "slow", "compiling")
    slow.write_text("#!/bin/sh\necho compiling\n/bin/sleep 0.7\n", encoding="utf-8")
    said: list[str] = []
    project = Project("part", "1.0", (), "", ())
    binaries._run(project, [str(slow)], bare, said.append)
    assert said
    assert all(line.startswith("part 1.0: ") and line.endswith("compiling") for line in said)


def test_it_runs_without_the_package(tmp_path: Path) -> None:
    """The script needs the standard library only: it works while nothing is installed."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "PATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-I", "-S", binaries.__file__, "--check"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("error: signalscope-otelcol")


def test_a_folder_that_is_no_checkout_is_told(tmp_path: Path) -> None:
    """An installed package alone has no configuration to run."""
    with pytest.raises(BinaryError, match="runs from a checkout"):
        binaries.versions(tmp_path / ".env")
