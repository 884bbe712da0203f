"""Find, build and miss binaries."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from tests.launch.leftovers import alive, hear_hangups

from signalscope import binaries
from signalscope.binaries import BinaryError, Progress, Project, _build, _install, _progress
from signalscope.demo.stack._processes import wait_until


def _program(path: Path, says: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an empty PATH and an empty cache."""
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def test_only_the_pinned_version_on_path_counts(bare: Path) -> None:
    """The Prometheus of the distribution is too old for the configuration, so it is not used."""
    pinned = binaries.versions()["PROMETHEUS_VERSION"]
    _program(bare / "path" / "promtool", "promtool, version 2.42.0+ds (branch: debian)")
    with pytest.raises(BinaryError, match=f"promtool {pinned} is missing; run `make setup` to get it"):
        binaries.find("promtool")
    right = _program(bare / "path" / "promtool", f"promtool, version {pinned} (branch: HEAD)")
    assert binaries.find("promtool") == right


def test_the_cache_is_keyed_by_version(bare: Path) -> None:
    """A binary of an older version in the cache is not used."""
    pinned = binaries.versions()["ALERTMANAGER_VERSION"]
    _program(bare / "cache" / "signalscope" / "bin" / "alertmanager-0.1.0" / "amtool", "")
    with pytest.raises(BinaryError, match="amtool"):
        binaries.find("amtool")
    own = _program(bare / "cache" / "signalscope" / "bin" / f"alertmanager-{pinned}" / "amtool", "")
    assert binaries.find("amtool") == own


def test_without_go_and_docker_the_way_out_is_told(bare: Path) -> None:
    """One message says what is missing, why each way failed, and what to install."""
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


def test_only_the_project_of_a_binary_is_installed(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A demo with generated history gets promtool and nothing else; then it is there and nothing is built."""

    def get(project: Project, made: Path, *_: object) -> None:
        for binary in project.binaries:
            _program(made / binary, "")

    monkeypatch.setattr(_install, "_get", get)
    said: list[str] = []
    binaries.install(said.append, only="promtool")
    assert binaries.find("promtool").is_file()
    assert len(said) == 1
    binaries.install(said.append, only="promtool")
    assert len(said) == 1
    with pytest.raises(BinaryError, match="amtool"):
        binaries.find("amtool")


def test_a_go_that_is_too_old_is_told(bare: Path) -> None:
    """The message has the installed version and the needed one."""
    _program(bare / "path" / "go", "go1.19.8")
    with pytest.raises(BinaryError, match=r"Go go1\.19\.8 is too old; 1\.26 is needed"):
        binaries.install(lambda _: None)


def test_a_build_that_fails_leaves_nothing_half_done(bare: Path) -> None:
    """The message has the last lines of the build, and the cache has no unfinished folder."""
    go = _program(bare / "path" / "go", "")
    go.write_text(
        '#!/bin/sh\nif [ "$1" = env ]; then echo go1.26.0; else echo "no such module"; exit 3; fi\n',
        encoding="utf-8",
    )
    with pytest.raises(BinaryError, match="no such module"):
        binaries.install(lambda _: None)
    assert list((bare / "cache" / "signalscope" / "bin").iterdir()) == []


def test_progress_is_shown_while_something_is_built(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line shows the project, the time so far, and the latest line of the builder."""
    monkeypatch.setattr(_build, "_REPORT_SECONDS", 0.2)
    slow = _program(bare / "path" / "slow", "compiling")
    slow.write_text("#!/bin/sh\necho compiling\n/bin/sleep 0.7\n", encoding="utf-8")
    said: list[str] = []
    project = Project("part", "1.0", "", {})
    _build.run(project, [str(slow)], bare, said.append)
    assert said
    assert all(line.startswith("part 1.0: ") and line.endswith("compiling") for line in said)


def test_it_runs_without_the_package(tmp_path: Path) -> None:
    """The script needs only the standard library, so it runs before anything is installed."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "PATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-I", "-S", Path(binaries.__file__).parent, "--check"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("error: signalscope-otelcol")


def test_a_folder_that_is_no_checkout_is_told(tmp_path: Path) -> None:
    """An installed package without a checkout has no configuration to run."""
    with pytest.raises(BinaryError, match="runs only from a checkout"):
        binaries.versions(tmp_path / ".env")


def test_what_cannot_be_run_is_not_the_right_version(bare: Path) -> None:
    """A program on PATH that is broken or does not end is ignored."""
    broken = _program(bare / "path" / "promtool", "")
    broken.write_bytes(b"\x7fELF that is none")
    with pytest.raises(BinaryError, match=r"promtool .* is missing"):
        binaries.find("promtool")


_SLOW_GO = """#!/bin/sh
if [ "$1" = env ]; then echo go1.26.0; exit; fi
echo compiling
/bin/sleep 300 &
echo $! > "$COMPILER"
wait
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the files for `make setup` and a ready virtual environment, in a path with a space."""
    root = tmp_path / "a checkout"
    for name in (".env", "pyproject.toml", "collector/builder.yaml", "tools/setup.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(binaries.ROOT / name, root / name)
    for name in ("builder", "servers", "alertmanager"):
        (root / "tools" / name).mkdir()
    shutil.copytree(Path(binaries.__file__).parent, root / "src" / "signalscope" / "binaries")
    (root / ".venv" / "bin").mkdir(parents=True)
    (root / ".venv" / "bin" / "python").symlink_to(sys.executable)
    wanted = hashlib.sha256((root / "pyproject.toml").read_bytes() + str(root).encode()).hexdigest()
    (root / ".venv" / ".signalscope").write_text(wanted, encoding="ascii")
    return root


def _setup(checkout: Path, go: str, *options: str) -> subprocess.Popen[str]:
    _program(checkout.parent / "path" / "go", "").write_text(go, encoding="utf-8")
    environment = {
        "PATH": str(checkout.parent / "path"), "XDG_CACHE_HOME": str(checkout.parent / "cache"),
        "COMPILER": str(checkout.parent / "compiler"), "HOME": str(checkout.parent),
    }  # fmt: skip
    return subprocess.Popen(
        [sys.executable, checkout / "tools" / "setup.py", *options],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=hear_hangups,  # noqa: PLW1509  # it is short
    )  # fmt: skip


def _compiler(checkout: Path) -> int:
    noted = checkout.parent / "compiler"
    wait_until(lambda: noted.exists() and bool(noted.read_text(encoding="ascii").strip()), "a compiler", 30)
    return int(noted.read_text(encoding="ascii"))


def test_setup_of_python_alone_builds_nothing(checkout: Path) -> None:
    """The documentation and the lint need no servers, and therefore neither Go nor Docker."""
    running = _setup(checkout, _SLOW_GO, "--python")
    assert (running.communicate(timeout=30), running.returncode) == (("", ""), 0)
    assert not (checkout.parent / "cache").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_build_leaves_nothing(checkout: Path, number: signal.Signals) -> None:
    """No compiler runs on, no folder is unfinished, and the output has no traceback."""
    running = _setup(checkout, _SLOW_GO)
    compiler = _compiler(checkout)
    running.send_signal(number)
    _, errors = running.communicate(timeout=30)
    assert running.returncode == 130
    assert errors == ""
    wait_until(lambda: not alive(compiler), "the compiler's end", 10)
    assert list((checkout.parent / "cache" / "signalscope" / "bin").iterdir()) == []


def test_a_second_setup_waits_for_the_first_and_removes_what_a_killed_one_left(checkout: Path) -> None:
    """Two setups do not build the same project at the same time."""
    first = _setup(checkout, _SLOW_GO)
    compiler = _compiler(checkout)
    second = _setup(checkout, _SLOW_GO)
    assert second.stdout is not None
    assert "another setup is filling" in second.stdout.readline()
    first.kill()
    first.communicate()
    os.kill(compiler, signal.SIGKILL)
    (checkout.parent / "compiler").unlink()
    second_compiler = _compiler(checkout)
    assert len(list((checkout.parent / "cache" / "signalscope" / "bin").iterdir())) == 1
    second.send_signal(signal.SIGINT)
    second.communicate(timeout=30)
    wait_until(lambda: not alive(second_compiler), "the compiler's end", 10)


def test_a_setup_without_binaries_says_so_and_succeeds(checkout: Path) -> None:
    """The demo then runs embedded; the message has the output of the failed build."""
    go = 'if [ "$1" = env ]; then echo go1.26.0; else echo "lookup modules.example: no such host"; exit 1; fi'
    running = _setup(checkout, f"#!/bin/sh\n{go}\n")
    _, errors = running.communicate(timeout=30)
    assert running.returncode == 0
    assert errors.startswith("note: otelcol")
    assert "no such host" in errors
    assert "Docker is not installed" in errors


def test_a_slim_binary_does_not_stand_for_the_whole_project(bare: Path) -> None:
    """The demo's Prometheus leaves promtool missing, and its Collector leaves the whole Collector missing."""
    slim_collector, slim_prometheus, _ = binaries.projects_for_demo()
    server = _program(slim_prometheus.folder / "prometheus", "")
    slim = _program(slim_collector.folder / "signalscope-otelcol", "")
    assert [project.name for project in binaries.missing_for_demo()] == ["alertmanager"]
    lacking = {project.name: project for project in binaries.missing()}
    assert list(lacking) == ["otelcol", "prometheus", "alertmanager"]
    assert list(lacking["prometheus"].binaries) == ["promtool"]
    assert lacking["prometheus"].packages == ("github.com/prometheus/prometheus/cmd/promtool",)
    assert binaries.find("signalscope-otelcol") == slim
    whole = _program(binaries.projects()[0].folder / "signalscope-otelcol", "")
    assert binaries.find("signalscope-otelcol") == whole
    assert binaries.find("prometheus") == server


def test_an_image_at_hand_is_used_before_a_build(bare: Path) -> None:
    """Docker has the images, so Go does not run; the text says so."""
    docker = _program(bare / "path" / "docker", "")
    docker.write_text(
        '#!/bin/sh\ncase $1 in create) echo box;; cp) echo "#!/bin/sh" > "$3"; /bin/chmod +x "$3";; esac\n',
        encoding="utf-8",
    )
    _program(bare / "path" / "go", "").write_text("#!/bin/sh\nexit 3\n", encoding="utf-8")
    said: list[str] = []
    binaries.install_for_demo(
        Progress(bare / "progress.json", ["otelcol-demo", "prometheus", "alertmanager"]), said.append
    )
    assert binaries.missing_for_demo() == []
    assert any("copying out of prom/prometheus" in line for line in said)
    states = json.loads((bare / "progress.json").read_text(encoding="utf-8"))
    assert [part["state"] for part in states.values()] == ["ready"] * 3


def test_the_estimate_follows_the_pace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first packages it is the typical time; later the time so far counts, also for builds that wait."""
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr(_progress, "TYPICAL", {"first": (80.0, 20), "second": (50.0, 5)})
    progress = Progress(tmp_path / "progress.json", ["first", "second"])

    def left() -> dict[str, float]:
        content = json.loads((tmp_path / "progress.json").read_text(encoding="utf-8"))
        return {name: part.get("seconds_left") for name, part in content.items()}

    assert left() == {"first": 80, "second": 130}
    progress.begin("first")
    progress.hear("first", "go: downloading example.org/module v1.0.0")
    for package in range(5):  # an eighth of the first build, in twice its typical time
        now[0] += 4.0
        progress.hear("first", f"example.org/{package}")
    assert left() == {"first": 140, "second": 240}
    progress.fail("first", "no such host")
    assert left() == {"first": None, "second": 50}


def test_a_build_for_the_demo_ends_with_it(checkout: Path) -> None:
    """The builds end when their parent has been killed, and leave no unfinished folder."""
    folder = checkout / "src" / "signalscope" / "binaries"
    _program(checkout.parent / "path" / "go", "").write_text(_SLOW_GO, encoding="utf-8")
    environment = {
        "PATH": str(checkout.parent / "path"), "XDG_CACHE_HOME": str(checkout.parent / "cache"),
        "COMPILER": str(checkout.parent / "compiler"), "HOME": str(checkout.parent),
    }  # fmt: skip
    code = "import subprocess, sys; subprocess.run([sys.executable, *sys.argv[1:]])"
    progress = checkout.parent / "progress.json"
    parent = subprocess.Popen([sys.executable, "-c", code, folder, "--demo", progress], env=environment)
    compiler = _compiler(checkout)
    assert json.loads(progress.read_text(encoding="utf-8"))["otelcol-demo"]["state"] == "building"
    parent.kill()
    parent.wait()
    wait_until(lambda: not alive(compiler), "the compiler's end", 20)
    cache = checkout.parent / "cache" / "signalscope" / "bin"
    wait_until(lambda: list(cache.iterdir()) == [], "the unfinished folder to go", 20)
