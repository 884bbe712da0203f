"""Declarative configuration (`OTEL_CONFIG_FILE`) under the launcher: real programs, and a real OTLP endpoint."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.recording.receiver import Receiver, receiving

pytest.importorskip(
    "opentelemetry.configuration", reason="this OpenTelemetry has no declarative configuration"
)
pytestmark = pytest.mark.timeout(120)

BIN = Path(sys.executable).parent
PROGRAM = """
import urllib.request
from opentelemetry import trace
from signalscope import instrument_greeks
from signalscope.exposition import _reader as _pull
from signalscope.recording._state import live
@instrument_greeks(calculation_type="delta", model_type="black", span="always")
def delta(x): return x
for _ in range(7): delta(0.5)
page = _pull.render("application/openmetrics-text; version=1.0.0")
text = page[0].decode() if page else ""
print("fast" if live.fast_path is not None else "plain", "on" if live.on else "off")
print("signal_service_greeks_calculation_seconds_count" in text, "trace_id=" in text)
"""
CONFIG = """
file_format: "1.0-rc.1"
disabled: {disabled}
resource:
  attributes:
    - name: service.name
      value: declared
  attributes_list: "deployment.environment=testing"
meter_provider:
  exemplar_filter: {exemplars}
  readers:
    - periodic:
        interval: 60000
        exporter:
          otlp_http:
            endpoint: {endpoint}/v1/metrics
    - pull:
        exporter:
          signalscope_pull:
  views:
    - selector:
        instrument_name: signal_service.greeks.options
      stream:
        attribute_keys:
          included: [calculation_type]
tracer_provider:
  processors:
    - simple:
        exporter:
          console:
"""


def _launch(path: Path, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    program = folder / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    own = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    own |= {"OTEL_PYTHON_DISTRO": "signalscope", "OTEL_PYTHON_CONFIGURATOR": "signalscope"}
    return subprocess.run(
        [BIN / "opentelemetry-instrument", sys.executable, program],
        env=own | {"OTEL_CONFIG_FILE": str(path)} | more, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def _file(
    folder: Path, receiver: Receiver | None, exemplars: str = "trace_based", disabled: str = "false"
) -> Path:
    path = folder / "otel.yaml"
    endpoint = "http://127.0.0.1:9" if receiver is None else receiver.endpoint
    path.write_text(
        CONFIG.format(endpoint=endpoint, exemplars=exemplars, disabled=disabled), encoding="utf-8"
    )
    return path


def test_what_the_file_says_is_set_up(tmp_path: Path) -> None:
    """The fast path is used, with the file's resource and a page with exemplars; a View applies."""
    with receiving() as receiver:
        done = _launch(_file(tmp_path, receiver), tmp_path)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-2:] == ["fast on", "True True"]
        assert '"name": "delta"' in done.stdout  # the span of the console exporter
        assert list(receiver.counts("signal_service.greeks.calculation").values()) == [7]
        resource, _ = next(receiver.metrics())
        options = [
            metric for _, metric in receiver.metrics() if metric.name == "signal_service.greeks.options"
        ]
    assert resource["service.name"] == "declared"
    assert resource["deployment.environment"] == "testing"
    assert resource["telemetry.distro.name"] == "signalscope"
    assert len(resource["service.instance.id"]) == 36
    assert {attribute.key for point in options[-1].sum.data_points for attribute in point.attributes} == {
        "calculation_type"
    }


def test_exemplars_can_be_switched_off(tmp_path: Path) -> None:
    """The file's filter decides about exemplars."""
    with receiving() as receiver:
        done = _launch(_file(tmp_path, receiver, exemplars="always_off"), tmp_path)
    assert done.stdout.splitlines()[-1] == "True False", done.stderr


def test_a_file_that_disables_the_sdk(tmp_path: Path) -> None:
    """The process neither records nor exports."""
    with receiving() as receiver:
        done = _launch(_file(tmp_path, receiver, disabled="true"), tmp_path)
        assert receiver.requests == []
    assert done.stdout.splitlines() == ["plain off", "False False"], done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "not found"),
        ("file_format: '1.0-rc.1'\nmeter_provider: 7\n", "meter_provider"),
        ("file_format: [", "otel.yaml"),
    ],
)
def test_an_error_in_the_file_costs_telemetry_not_the_service(
    text: str | None, said: str, tmp_path: Path
) -> None:
    """One log line names the file and the error; the program runs."""
    path = tmp_path / "otel.yaml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    done = _launch(path, tmp_path)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "False False"
    assert f"no telemetry: OTEL_CONFIG_FILE={path}" in done.stderr
    assert said.lower() in done.stderr.lower()
