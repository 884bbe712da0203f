"""The local stack: external services, reference service, load, Collector, Prometheus, Alertmanager and console.

`signalscope demo` and the end-to-end tests start the same stack.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from signalscope import binaries
from signalscope.config import load as load_config
from signalscope.demo.faults import DEPENDENCIES
from signalscope.demo.stack import past
from signalscope.demo.stack._backfill import BackfillError
from signalscope.demo.stack._processes import Part, PartError, answers, is_free, wait_until
from signalscope.demo.stack.ports import Ports

_HOST = "127.0.0.1"
_CONFIG = Path(__file__).parents[1] / "service" / "signalscope.toml"
_SECONDS_TO_START = 90.0
#: The servers in the order of their start, and the ports that each listens on.
SERVERS = {
    "collector": ("otlp_grpc", "otlp_http", "collector", "telemetry", "health"),
    "alertmanager": ("alertmanager",),
    "prometheus": ("prometheus",),
}
#: The price of a CPU second of the reference service. Any price works; without one, no costs are recorded.
_CPU_SECOND_PRICE = "0.0000125"
#: True only when the whole pipeline works: calculated, pushed, transformed, scraped.
_CALCULATED = "sum(signal_service_greeks_options_total) > 0"
#: With load, requests must arrive as well.
_FLOWING = f"{_CALCULATED} and on() (sum(rate(signal_service_api_requests_total[1m])) > 0)"


class Stack:
    """All parts of the demo; a context manager that starts them in order and ends them in reverse order.

    Args:
        ports: The port of each part.
        load: Requests per second, on average; 0 for no load.
        say: Called with each line of progress.
        environment: More environment variables for the service.
        generated: A folder with the output of `signalscope generate`: rules, dashboards and server configuration;
            None for the files of the demo.
        embedded: The reason to run without Collector, Prometheus and Alertmanager; None to start them.
        later: True to start these three with `join`, each when its binary is there.
        history: The length of the generated history in Prometheus, in seconds; 0 for none.

    Attributes:
        building: What the console shows about missing parts: ``name``, ``text`` and ``change`` of each.
        has_data: True once measurements of the service are in Prometheus.
        generated_until: The end of the generated history, as Unix time; None without one.
        data: A temporary folder with logs, configuration and data, which `close` removes.
        failed: The parts that did not start or ended by themselves; `close` then keeps the logs.
        token: The bearer token of ``/monitoring/*``.

    Raises:
        PartError: A part does not start.
        BinaryError: A binary is missing.
    """

    def __init__(
        self,
        ports: Ports,
        *,
        load: float = 20.0,
        say: Callable[[str], None] = lambda _: None,
        environment: dict[str, str] | None = None,
        generated: Path | None = None,
        embedded: str | None = None,
        later: bool = False,
        history: int = 0,
    ) -> None:
        self.ports = ports
        self.later = later
        self.building: list[dict[str, str]] = []
        self.has_data = not later
        self.token = secrets.token_urlsafe(24)
        self.embedded = embedded
        self.parts: dict[str, Part] = {}
        self.failed: set[str] = set()
        self.data = Path(tempfile.mkdtemp(prefix="signalscope-"))
        self.dependencies: dict[str, int] = {}
        self.generated_until: int | None = None
        self._history = history
        self._load = load
        self._say = say
        self._environment = environment or {}
        self._generated = generated or binaries.ROOT / "deploy" / "demo"

    def __enter__(self) -> Stack:
        try:
            self._start()
        except BaseException as error:
            self.__exit__(type(error), error)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, *_: object) -> None:
        if isinstance(error, PartError):
            self.failed.update(self.parts)
        self.close()

    def close(self) -> None:
        """End all parts in reverse order, and remove the data; keep the logs if a part has failed."""
        # The service ends before the Collector, also if that has joined later, so that its last interval arrives.
        backwards = [*self.parts.values()][::-1]
        for part in sorted(backwards, key=lambda part: part.name in SERVERS):
            part.stop()
        self.parts.clear()
        if not self.failed:
            shutil.rmtree(self.data, ignore_errors=True)
            return
        for path in self.data.iterdir():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif path.suffix != ".log":
                path.unlink()

    def url(self, name: str) -> str:
        """Return the base URL of a part.

        Args:
            name: A field of `Ports`, such as ``service``, ``prometheus``, ``alertmanager`` or ``console``.
        """
        return f"http://{_HOST}:{getattr(self.ports, name)}"

    @property
    def control(self) -> str:
        """The base URL of the server that switches faults of external services."""
        return f"http://{_HOST}:{self.dependencies['control']}"

    def endpoints(self) -> dict[str, Any]:
        """Return the URLs of all parts, the process ids and the token, as data for JSON."""
        endpoints: dict[str, Any] = {
            "service": self.url("service"),
            "console": self.url("console"),
            "dependencies": {"control": self.control},
            "pids": {name: part.pid for name, part in self.parts.items()},
            "token": self.token,
            "logs": str(self.data),
        }
        if self.generated_until is not None:
            endpoints["generated_until"] = self.generated_until
        for name in ("prometheus", "alertmanager"):
            if name in self.parts and (self.has_data or name != "prometheus"):
                endpoints[name] = self.url(name)
        if "collector" in self.parts:
            endpoints |= {
                "collector": {
                    "otlp_grpc": self.url("otlp_grpc"),
                    "otlp_http": self.url("otlp_http"),
                    "prometheus": f"{self.url('collector')}/metrics",
                    "telemetry": f"{self.url('telemetry')}/metrics",
                },
            }
        return endpoints

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the result of an instant query to Prometheus; each series has ``metric`` (labels) and ``value``.

        Raises:
            OSError: Prometheus does not answer, or answers with an error.
        """
        url = f"{self.url('prometheus')}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
        with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310  # an http URL of this machine
            result: list[dict[str, Any]] = json.load(response)["data"]["result"]
        return result

    def start_service(self) -> None:
        """Start the service, for the first time or again, and wait until it answers."""
        environment = {
            "OTEL_PYTHON_DISTRO": "signalscope",
            "OTEL_PYTHON_CONFIGURATOR": "signalscope",
            "OTEL_SERVICE_NAME": "signal-service",
            # The service reports its caches with decorators; instrumentation would count each access twice.
            "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "cachetools",
            "OTEL_METRIC_EXPORT_INTERVAL": "5000",
            "OTEL_BSP_SCHEDULE_DELAY": "1000",
            "SIGNALSCOPE_CPU_SECOND_PRICE": _CPU_SECOND_PRICE,
            "SIGNALSCOPE_CONFIG": str(_CONFIG),
            "SIGNALSCOPE_MONITORING_TOKEN": self.token,
            "SIGNALSCOPE_DEMO_DEPENDENCIES": json.dumps(
                {name: f"http://{_HOST}:{self.dependencies[name]}" for name in DEPENDENCIES}
            ),
        }
        if self.embedded is None:
            environment |= {
                "OTEL_EXPORTER_OTLP_ENDPOINT": self.url("otlp_http"),
                "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
                # Until Prometheus has joined, the service answers with its own numbers.
                **(
                    {"SIGNALSCOPE_PROMETHEUS_URL_FILE": str(self.data / "prometheus-url")}
                    if self.later
                    else {"SIGNALSCOPE_PROMETHEUS_URL": self.url("prometheus")}
                ),
            }
        command = [
            _script("opentelemetry-instrument"), _script("uvicorn"), "signalscope.demo.service.application:app",
            "--host", _HOST, "--port", str(self.ports.service), "--no-access-log",
        ]  # fmt: skip
        self._add("service", command, f"{self.url('service')}/health", environment | self._environment)

    def wait_for_data(self) -> None:
        """Wait up to 60 s until measurements of the service are in Prometheus.

        Raises:
            PartError: No measurement arrived in time, or a part has ended.
        """
        if self.embedded is not None:
            return
        # The error message shows the last lines of the last part: the service, which sends the data.
        parts = sorted(self.parts.values(), key=lambda part: part.name == "service")
        wait_until(self._flows, "data in Prometheus", 60.0, parts, every=0.5)

    def join(self, name: str) -> None:
        """Start the Collector, Prometheus or Alertmanager beside the running parts.

        Args:
            name: ``collector``, ``prometheus`` or ``alertmanager``.

        Raises:
            PartError: It does not start; the other parts run on.
            BinaryError: Its binary is missing.
        """
        for port in SERVERS[name] if self.later else ():
            if not is_free(number := getattr(self.ports, port)):
                raise PartError(
                    f"{name} cannot start: another program listens on its port {number} by now. End that program and "
                    "start the demo again, or choose another port with an option of `signalscope demo`. [SS733]"
                )
        try:
            self._start_server(name)
        except PartError:
            if name in self.parts:
                self.parts.pop(name).stop()
            raise
        self.tell_console()

    def show_data(self) -> bool:
        """Return True once Prometheus has measurements; the service and the console read it from then on."""
        if not self.has_data and {"prometheus", "collector"} <= self.parts.keys() and self._flows():
            self.has_data = True
            (self.data / "prometheus-url").write_text(self.url("prometheus"), encoding="utf-8")
            self.tell_console()
        return self.has_data

    def tell_console(self) -> None:
        """Write the file that the console reads again when it changes."""
        path = self.data / "endpoints.json"
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps({**self.endpoints(), "building": self.building}), encoding="utf-8")
        partial.replace(path)

    def _flows(self) -> bool:
        with contextlib.suppress(OSError, ValueError, KeyError):
            return bool(self.query(_FLOWING if self._load else _CALCULATED))
        return False

    def _start(self) -> None:
        self._say("starting the external services")
        self._start_dependencies()
        if self.embedded is None:
            self._prepare_monitoring()
        if self.embedded is None and not self.later:
            self._say("starting the Collector, Prometheus and Alertmanager")
            for name in SERVERS:
                self._start_server(name)
        self._say("starting the reference service")
        self.start_service()
        if self.embedded is None:
            # Not earlier: failed scrapes while the service starts would use up its whole error budget.
            self._add_target("signal-service", self.ports.service)
        if self._load:
            arguments = ["--target", self.url("service"), "--rate", str(self._load)]
            self._add_module("load", "signalscope.demo.stack.load", *arguments)
        self._start_console()

    def _start_dependencies(self) -> None:
        free_ports = json.dumps(dict.fromkeys([*DEPENDENCIES, "control"], 0))
        part = self._add_module("dependencies", "signalscope.demo.stack.dependencies", "--ports", free_ports)

        def ready() -> bool:
            for line in part.log.read_text(encoding="utf-8").splitlines():
                if line.startswith('{"ready"'):
                    self.dependencies = json.loads(line)["ready"]
            return bool(self.dependencies)

        wait_until(ready, "the external services", _SECONDS_TO_START, [part])

    def _start_collector(self) -> None:
        ports = self.ports
        config = binaries.ROOT / "collector" / "config.yaml"
        environment = {
            "OTLP_GRPC_ENDPOINT": f"{_HOST}:{ports.otlp_grpc}",
            "OTLP_HTTP_ENDPOINT": f"{_HOST}:{ports.otlp_http}",
            "PROMETHEUS_ENDPOINT": f"{_HOST}:{ports.collector}",
            "TELEMETRY_HOST": _HOST,
            "TELEMETRY_PORT": str(ports.telemetry),
            "HEALTH_ENDPOINT": f"{_HOST}:{ports.health}",
            "TRACES_FILE": str(self.data / "traces.jsonl"),
        }
        limits = self._generated / "deploy" / "collector" / "limits.yaml"
        command = [binaries.find("signalscope-otelcol"), f"--config={config}", f"--config={limits}"]
        self._add("collector", command, self.url("health"), environment)

    def _prepare_monitoring(self) -> None:
        folder, generated = self.data / "prometheus", self._generated / "deploy" / "prometheus"
        (folder / "targets").mkdir(parents=True)
        shutil.copy(generated / "prometheus.yml", folder)
        shutil.copytree(self._generated / "rules", folder / "rules")
        # a copy: a game day changes its receivers
        shutil.copy(generated / "alertmanager.yml", self.data)

    def _start_server(self, name: str) -> None:
        """Start the Collector, Prometheus or Alertmanager, and add it to the targets of Prometheus."""
        if name == "collector":
            self._start_collector()
            self._add_target("otel-collector", self.ports.collector)
            self._add_target("otel-collector-telemetry", self.ports.telemetry)
            return
        if name == "alertmanager":
            storage = f"--storage.path={self.data / 'alertmanager'}"
            self._add_server(name, self.data / "alertmanager.yml", storage, "--cluster.listen-address=")
        else:
            folder = self.data / "prometheus"
            self._fill(folder)
            self._add_server(
                name,
                folder / "prometheus.yml",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--storage.tsdb.retention.time={past.RETENTION}",
                "--web.enable-lifecycle",
                "--enable-feature=exemplar-storage",
            )
        self._add_target(name, getattr(self.ports, name))

    def _fill(self, folder: Path) -> None:
        """Write the generated history; the demo starts without one if that fails."""
        if not self._history:
            return
        begun = time.monotonic()
        try:
            binaries.install(self._say, only="promtool")
            self.generated_until = past.fill(
                folder, load_config(_CONFIG), self._history, now=time.time(), load=self._load, say=self._say
            )
            self._say(f"the generated history is ready after {time.monotonic() - begun:.0f} s")
        except (binaries.BinaryError, BackfillError, PartError) as error:
            shutil.rmtree(folder / "data", ignore_errors=True)
            self._say(f"the demo starts without a generated history: {error}")

    def _add_server(self, name: str, config: Path, *options: str) -> None:
        """Start Prometheus or Alertmanager; both have these options."""
        listen = f"--web.listen-address={_HOST}:{getattr(self.ports, name)}"
        command = [binaries.find(name), f"--config.file={config}", listen, *options]
        self._add(name, command, f"{self.url(name)}/-/ready")

    def _add_target(self, job: str, port: int) -> None:
        content = json.dumps([{"targets": [f"{_HOST}:{port}"]}])
        (self.data / "prometheus" / "targets" / f"{job}.json").write_text(content, encoding="utf-8")

    def _start_console(self) -> None:
        self.tell_console()
        arguments = ["--port", str(self.ports.console), "--endpoints", str(self.data / "endpoints.json")]
        if self.embedded is None:
            arguments += ["--dashboards", str(self._generated / "dashboards")]
        self._add_module("console", "signalscope.console", *arguments, url=f"{self.url('console')}/healthz")

    def _add_module(self, name: str, module: str, *arguments: str, url: str | None = None) -> Part:
        return self._add(name, [sys.executable, "-m", module, *arguments], url)

    def _add(
        self, name: str, command: list[Any], url: str | None = None, environment: dict[str, str] | None = None
    ) -> Part:
        """Start a part; if it has a URL, wait until the URL answers."""
        part = self.parts[name] = Part(name, command, self.data / f"{name}.log", environment)
        if url is not None:
            wait_until(lambda: answers(url), f"{name} at {url}", _SECONDS_TO_START, [part])
        return part


def _script(name: str) -> str:
    """Return the path of a command in this virtual environment."""
    path = Path(sys.executable).with_name(name)
    if not os.access(path, os.X_OK):
        raise PartError(f"{name} is not beside {sys.executable}; run `make setup` to install it [SS733]")
    return str(path)
