"""The page of a service with several processes: real servers, whose workers are replaced, stopped and killed.

The page, and its increase over the whole run, have every call once.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import pytest
from tests.ports import free_port
from tests.waiting import DEADLINE, eventually, get

pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file locks and no gunicorn"),
]

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[2]
OPTIONS = "signal_service_greeks_options_total"
LABELS = '{calculation_type="delta",model_type="black_scholes",vectorized="false"}'
PIDS = "signal_service_cache_entries"
GUNICORN = ("gunicorn", "--graceful-timeout", "20", "-b", "127.0.0.1:{port}")
# The time limit is for a busy machine: uvicorn kills a worker that does not answer its parent.
UVICORN = ("uvicorn", "tests.distro.pool_app:app", "--port", "{port}", "--timeout-worker-healthcheck", "20")
ASGI = ("-k", "uvicorn.workers.UvicornWorker", "tests.distro.pool_app:app")
RECYCLED = ("--max-requests", "15", "--max-requests-jitter", "5")
WSGI = "tests.distro.pool_app:wsgi"

Series = dict[tuple[str, str], float]


@dataclass
class Service:
    """A running service.

    Attributes:
        increases: The growth of every series from scrape to scrape, as Prometheus adds it up.
    """

    process: subprocess.Popen[str]
    url: str
    page_url: str
    calls: Path
    log: Path
    increases: Series = field(default_factory=dict)
    last: Series = field(default_factory=dict)
    scraping: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, calls: int = 5) -> int:
        """Send a request, again while a worker is replaced; return the process that answered."""

        def ask() -> int | None:
            with contextlib.suppress(OSError, ValueError):
                pid: int = get(f"{self.url}/work/{calls}")["pid"]
                return pid
            return None

        return eventually(ask, 2 * DEADLINE, "an answer")

    def ask_often(self, times: int) -> set[int]:
        """Send requests from many clients; return the processes that answered."""
        with ThreadPoolExecutor(12) as clients:
            return set(clients.map(lambda _: self.ask(), range(times)))

    def made(self) -> int:
        """Return how often the workers called the function."""
        return self.calls.stat().st_size if self.calls.exists() else 0

    def scrape(self) -> Series:
        """Return every sample of the page by name and labels, once it has one."""
        with self.scraping:
            text = eventually(lambda: page(self.page_url), DEADLINE, "a page")
            now = samples(text)
            for key, value in now.items():
                if key[0] == OPTIONS:
                    grown = value - self.last.get(key, 0.0)
                    assert grown >= 0, f"{key} fell"
                    self.increases[key] = self.increases.get(key, 0.0) + grown
                    self.last[key] = value
            return now

    def counted(self) -> float:
        """Return the calls on the page."""
        return total(self.scrape())


def total(series: Series) -> float:
    """Return the calls on a page."""
    return sum(value for (name, _), value in series.items() if name == OPTIONS)


def page(url: str) -> str:
    """Return the page; empty while it is not served."""
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=10) as response:
        return str(response.read().decode())
    return ""


def samples(text: str) -> Series:
    """Return every sample by name and labels."""
    matches = re.findall(r"^(\w+)(\{.*\})? ([^ \n]+)$", text, re.MULTILINE)
    value_by_series = {(name, labels): float(value) for name, labels, value in matches}
    assert len(value_by_series) == len(matches), "a series occurs twice"
    return value_by_series


def ended(pid: int) -> None:
    """Wait for the end of a process."""
    eventually(lambda: not Path(f"/proc/{pid}").exists(), DEADLINE, "the end of the process")


def labelled(series: Series, name: str, label: str = "process") -> list[str]:
    """Return the values of a label on the series with a name; empty for a series without the label."""
    matches = [re.search(f'{label}="([^"]*)"', labels) for metric, labels in series if metric == name]
    return sorted(match.group(1) if match else "" for match in matches)


def with_gauges(series: Series, processes: int) -> Series | None:
    """Return the series if as many processes have a gauge, else None."""
    return series if len(labelled(series, PIDS)) == processes else None


@contextlib.contextmanager
def serving(
    tmp_path: Path,
    command: tuple[str, ...],
    *,
    configure: bool = False,
    more: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Service]:
    """Run a server, with the launcher or with `configure` in the application; stop it at the end."""
    port, own_port = free_port(), free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "SIGNALSCOPE_"))},
        "OTEL_PYTHON_DISTRO": "signalscope", "OTEL_PYTHON_CONFIGURATOR": "signalscope",
        "OTEL_METRICS_EXPORTER": "prometheus", "OTEL_EXPORTER_PROMETHEUS_PORT": str(own_port),
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}", "PYTHONWARNINGS": "ignore",
        "TESTS_CALLS": str(tmp_path / "calls"), "TMPDIR": str(tmp_path), "HOME": str(tmp_path),
        **({"TESTS_CONFIGURE": "1"} if configure else {}), **more,
    }  # fmt: skip
    launcher = [] if configure else [BIN / "opentelemetry-instrument"]
    arguments = [argument.format(port=port) for argument in command[1:]]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [*launcher, BIN / command[0], *arguments],
            env=environment,
            cwd=tmp_path,
            stdout=log,
            stderr=log,
            text=True,
        )  # fmt: skip
    service = Service(
        process, f"http://127.0.0.1:{port}", f"http://localhost:{own_port}/metrics", tmp_path / "calls",
        tmp_path / "log",
    )  # fmt: skip
    try:
        yield service
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


@pytest.mark.parametrize("configure", [False, True], ids=["launcher", "configure"])
@pytest.mark.parametrize(
    "command",
    [
        (*GUNICORN, "-w", "3", *ASGI, *RECYCLED),
        (*GUNICORN, "-w", "3", "--preload", *ASGI, *RECYCLED),
        (*GUNICORN, "-w", "2", WSGI, *RECYCLED),
        (*GUNICORN, "-w", "2", "-k", "gthread", "--threads", "4", WSGI, *RECYCLED),
        (*GUNICORN, "-w", "1", WSGI, *RECYCLED),
        (*UVICORN, "--workers", "2", "--limit-max-requests", "15"),
    ],
    ids=["asgi", "preload", "sync", "gthread", "one", "uvicorn"],
)
def test_the_page_has_every_call_once(tmp_path: Path, command: tuple[str, ...], configure: bool) -> None:
    """This holds while workers are replaced, and no series is added for a new worker."""
    with serving(tmp_path, command, configure=configure) as service:
        service.ask()
        service.scrape()
        pids = service.ask_often(60)
        between = service.counted()
        assert 0 < between <= service.made()

        def replaced() -> bool:
            """Ask again: a worker ends some time after its last request, and its successor needs time to start."""
            pids.update(service.ask_often(60))
            return len(pids) > 3

        eventually(replaced, 2 * DEADLINE, "workers that replace others")
        eventually(lambda: service.counted() == service.made(), DEADLINE, "every call on the page")
        assert service.made() >= 5 * 121
        assert sum(service.increases.values()) == service.made()
        series = service.scrape()
        assert len(labelled(series, OPTIONS)) <= 7, "at most two for each worker and one for the parent"
        assert len(labelled(series, PIDS)) <= 4


def test_calls_before_the_fork_count_once(tmp_path: Path) -> None:
    """The parent, which has no label, has the calls of a preloaded application; the workers start at zero."""
    command = (*GUNICORN, "-w", "2", "--preload", *ASGI)
    with serving(tmp_path, command, more={"TESTS_PRELOADED": "7"}) as service:
        service.ask()
        eventually(lambda: service.counted() == 12, DEADLINE, "5 calls of a worker and 7 of the parent")
        eventually(
            lambda: labelled(service.scrape(), OPTIONS) == ["", "1", "2"],
            DEADLINE,
            "the parent and two workers",
        )
        parent = [
            value
            for (name, labels), value in service.scrape().items()
            if name == OPTIONS and "process" not in labels
        ]
        assert parent == [7]
        assert labelled(service.scrape(), "target_info") == ["", "1", "2"]
        assert len(set(labelled(service.scrape(), "target_info", "service_instance_id"))) == 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_worker_that_is_stopped_leaves_its_counts(tmp_path: Path, number: signal.Signals) -> None:
    """After SIGTERM every call is there; after SIGKILL those before the last snapshot, here that of a scrape."""
    with serving(tmp_path, (*GUNICORN, "-w", "2", *ASGI)) as service:
        for _ in range(4):
            pid = service.ask()
            if number == signal.SIGKILL:
                eventually(lambda: service.counted() == service.made(), DEADLINE, "every call on the page")
            os.kill(pid, number)
            ended(pid)
        service.ask_often(20)
        eventually(lambda: service.counted() == service.made(), DEADLINE, "every call on the page")
        assert sum(service.increases.values()) == service.made()
        live = eventually(lambda: with_gauges(service.scrape(), 2), DEADLINE, "gauges of two workers")
        values = {int(value) for (name, _), value in live.items() if name == PIDS}
        assert all(Path(f"/proc/{value}").exists() for value in values), "no gauge of a dead worker"


def test_another_process_serves_when_the_first_has_gone(tmp_path: Path) -> None:
    """The counts that were on the page before are on it afterwards too."""
    command = (*GUNICORN, "-w", "2", *ASGI)
    with serving(tmp_path, command, configure=True) as service:
        for _ in range(3):
            service.ask_often(10)
            eventually(lambda: service.counted() == service.made(), DEADLINE, "every call on the page")
            for pid in workers(service.process.pid):  # one of them serves
                os.kill(pid, signal.SIGTERM)
                ended(pid)
            service.ask()
        eventually(lambda: service.counted() == service.made(), DEADLINE, "every call on the page")
        assert sum(service.increases.values()) == service.made()


def workers(parent: int) -> list[int]:
    """Return the children of a process."""
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def test_a_reloaded_application_continues_its_counts(tmp_path: Path) -> None:
    """Uvicorn's parent serves the page, and each new child has the series of the one before."""
    (tmp_path / "served.py").write_text("from tests.distro.pool_app import app\n", encoding="utf-8")
    command = ("uvicorn", "served:app", "--port", "{port}", "--reload", "--app-dir", str(tmp_path))
    with serving(tmp_path, command) as service:
        first = service.ask()
        eventually(lambda: service.counted() == 5, DEADLINE, "the first calls")
        (tmp_path / "served.py").write_text(
            "from tests.distro.pool_app import app  # again\n", encoding="utf-8"
        )
        ended(first)
        assert service.ask() != first
        eventually(lambda: service.counted() == service.made() >= 10, DEADLINE, "every call on the page")
        assert labelled(service.scrape(), OPTIONS) == ["1"]


def test_every_worker_can_answer_with_the_whole_page(tmp_path: Path) -> None:
    """SIGNALSCOPE_MULTIPROCESS_DIR turns the common page on for routes of the application, in push mode too."""
    more = {"OTEL_METRICS_EXPORTER": "none", "SIGNALSCOPE_MULTIPROCESS_DIR": str(tmp_path / "pool")}
    with serving(tmp_path, (*GUNICORN, "-w", "3", WSGI), more=more) as service:
        service.page_url = f"{service.url}/metrics"
        service.ask_often(20)
        for _ in range(10):
            assert service.counted() == service.made()


def test_a_folder_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    """The service answers; the page does not pretend to have the workers' numbers."""
    (tmp_path / "file").touch()
    more = {"SIGNALSCOPE_MULTIPROCESS_DIR": str(tmp_path / "file" / "pool")}
    with serving(tmp_path, (*GUNICORN, "-w", "2", *ASGI), more=more) as service:
        service.ask_often(10)
        with pytest.raises(urllib.error.HTTPError) as failed:
            urllib.request.urlopen(service.page_url, timeout=10)
        assert failed.value.code == 503
        assert "[SS508]" in failed.value.read().decode()
        log = service.log.read_text()
    assert log.count("[SS331]") == 1, log
    assert "Traceback" not in log


_FULL = """
import resource, sys, time
from tests.distro.pool_app import delta
for _ in range(5): delta(1.0)
if sys.argv[1:]:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, limits[1]))
    sys.stdin.readline()
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
sys.stdin.readline()
"""


def test_a_process_that_cannot_write_makes_the_scrape_fail_until_it_can(tmp_path: Path) -> None:
    """A full disk is one line in the log, and the process that serves answers 503 meanwhile."""
    script = tmp_path / "script.py"
    script.write_text(_FULL, encoding="utf-8")
    port = free_port()
    environment = _alone(tmp_path, port)
    command: list[str | Path] = [BIN / "opentelemetry-instrument", sys.executable, str(script)]
    url = f"http://localhost:{port}/metrics"
    with _running(command, environment) as first, contextlib.ExitStack() as stack:
        eventually(lambda: page(url), DEADLINE, "the page of the first process, which has the port")
        second = stack.enter_context(_running([*command, "full"], environment))
        eventually(lambda: _status(url) == 503, DEADLINE, "a failed scrape")
        _continue(second)
        text = eventually(lambda: page(url), DEADLINE, "a page")
        assert total(samples(text)) == 10
        _continue(second)
        _continue(first)
        assert second.communicate()[1].count("[SS332]") == 1
        assert first.communicate()[1] == ""


def _alone(tmp_path: Path, port: int, **more: str) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "SIGNALSCOPE_"))},
        "OTEL_PYTHON_DISTRO": "signalscope", "OTEL_PYTHON_CONFIGURATOR": "signalscope",
        "OTEL_METRICS_EXPORTER": "prometheus", "OTEL_EXPORTER_PROMETHEUS_PORT": str(port),
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}", "TESTS_CALLS": str(tmp_path / "calls"), **more,
    }  # fmt: skip


@contextlib.contextmanager
def _running(command: list[str | Path], environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _continue(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


_FORKS = """
import os, signal, sys, time
from tests.distro.pool_app import delta
children = []
for number in range(4):
    child = os.fork()
    if child == 0:
        for _ in range(10): delta(1.0)
        time.sleep(600)  # sleep: until the test ends it
    children.append(child)
print(*children, flush=True)
sys.stdin.readline()
"""


def test_without_a_successor_a_dead_process_keeps_counts_and_loses_gauges(tmp_path: Path) -> None:
    """The series of its slot stay as they were, and its gauges and its target_info are gone."""
    script, port = tmp_path / "script.py", free_port()
    script.write_text(_FORKS, encoding="utf-8")
    url = f"http://localhost:{port}/metrics"
    command: list[str | Path] = [BIN / "opentelemetry-instrument", sys.executable, str(script)]
    with _running(command, _alone(tmp_path, port)) as parent:
        assert parent.stdout is not None
        children = [int(pid) for pid in parent.stdout.readline().split()]
        eventually(lambda: total(samples(page(url))) == 40, DEADLINE, "every call on the page")
        for pid in children[:2]:
            os.kill(pid, signal.SIGKILL)
        alive = eventually(lambda: with_gauges(samples(page(url)), 3), DEADLINE, "three gauges")
        assert total(alive) == 40
        assert len(labelled(alive, "target_info")) == 3
        for pid in children[2:]:
            os.kill(pid, signal.SIGKILL)


def test_a_single_process_has_no_label(tmp_path: Path) -> None:
    """Its page is that of a service without the common page, and its folder is empty after it has ended."""
    script, port = tmp_path / "script.py", free_port()
    script.write_text(
        "import sys\nfrom tests.distro.pool_app import delta\ndelta(1.0)\nsys.stdin.readline()\n"
    )
    environment = _alone(tmp_path, port, SIGNALSCOPE_MULTIPROCESS_DIR=str(tmp_path / "pool"))
    command: list[str | Path] = [BIN / "opentelemetry-instrument", sys.executable, str(script)]
    with _running(command, environment) as process:
        text = eventually(lambda: page(f"http://localhost:{port}/metrics"), DEADLINE, "a page")
        eventually(lambda: list((tmp_path / "pool").glob("*/0.json")), DEADLINE, "a snapshot")
        _continue(process)
        assert process.communicate()[1] == ""
    assert "process=" not in text
    assert not list((tmp_path / "pool").glob("*/*.*"))
