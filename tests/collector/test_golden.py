"""OTLP in, and what Prometheus scrapes out, compared with committed files.

After an intended change of collector/config.yaml: UPDATE_GOLDEN=1 make test ARGS=tests/collector, and read the diff.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.collector.conftest import CONFIG, Collector, running
from tests.collector.otlp import (
    TRACE_ID,
    Value,
    as_differences,
    attributes,
    counter,
    exponential,
    gauge,
    histogram,
    metrics,
    span,
    traces,
)
from tools import collector

from signalscope import binaries, contract
from signalscope.contract import Kind

pytestmark = pytest.mark.needs("collector")

GOLDEN = Path(__file__).parent / "golden"
OURS = {
    "service.name": "signal-service",
    "service.instance.id": "one",
    "telemetry.distro.name": "signalscope",
}
THEIRS = {"service.name": "orders", "service.instance.id": "two"}


def _stable(page: str) -> str:
    """The page without what differs from run to run."""
    page = re.sub(r"(# \{[^}]*\} \S+) \d+\.?\d*(e\+\d+)?", r"\1", page)  # the time of an exemplar
    page = re.sub(r"# \{(trace_id=[^,]*),(span_id=[^}]*)\}", r"# {\2,\1}", page)  # its labels have no order
    return (
        "\n".join(sorted(line for line in page.splitlines() if not line.startswith("# ") or "# TYPE" in line))
        + "\n"
    )


def _compare(name: str, page: str) -> None:
    path, text = GOLDEN / name, _stable(page)
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_metrics_of_our_sdk_pass_unchanged(collector: Collector) -> None:
    """Names, labels, buckets and exemplars are the contract's, with job and instance."""
    delta = {
        "calculation_type": "delta", "vectorized": "false", "model_type": "black", "batch_size": "1",
        "outcome": "success",
    }  # fmt: skip
    collector.send(
        "metrics",
        metrics(
            OURS,
            histogram(
                "signal_service.greeks.calculation", (0.1, 0.5), (delta, (1, 2, 3), 4.5), exemplar=True
            ),
            counter("signal_service.calculation_cost", "{currency}", ({"user_tier": "free"}, 0.25)),
            gauge("signal_service.cache.hit_ratio", "", ({"cache_type": "greeks"}, 0.9)),
            counter("process.cpu", "s", ({}, 12.5)),
            counter("otel.sdk.span.started", "{span}", ({}, 5)),
            # Not mapped: this service measures its API itself.
            histogram("http.server.request.duration", (0.1,), ({"http.route": "/a"}, (1, 0), 0.05)),
        ),
    )
    collector.when(lambda: "process_cpu_seconds_total" in collector.scrape(), "metrics on the page")
    page = collector.scrape()
    assert f'trace_id="{TRACE_ID}"' in page
    _compare("ours.prom", page)


def test_metrics_of_other_sdks_get_our_names(collector: Collector) -> None:
    """HTTP semantic conventions become the API family, points of one series are added up; identities are gone."""
    ok: dict[str, Value] = {
        "http.request.method": "GET",
        "http.route": "/orders/{id}",
        "http.response.status_code": 200,
    }
    personal = {"user.id": "alice", "api_key": "k-123", "note": "mail bob@example.com", "side": "buy"}
    collector.send(
        "metrics",
        metrics(
            THEIRS,
            histogram(
                "http.server.request.duration",
                (0.1, 0.5),
                (ok | {"url.scheme": "http"}, (1, 2, 0), 0.7),
                (ok | {"url.scheme": "https"}, (3, 0, 1), 1.1),
                ({"http.request.method": "GET", "error.type": "TimeoutError"}, (0, 0, 1), 9.0),
            ),
            counter("process.cpu.time", "s", ({"cpu.mode": "user"}, 1.5), ({"cpu.mode": "system"}, 0.5)),
            gauge("process.memory.usage", "By", ({}, 1024)),
            counter("orders.placed", "{order}", (personal, 7)),
        ),
    )
    collector.when(lambda: "orders_placed" in collector.scrape(), "metrics on the page")
    page = collector.scrape()
    assert not re.search("alice|k-123|bob@", page)
    _compare("theirs.prom", page)


def test_differences_are_added_up(collector: Collector) -> None:
    """Intervals of a delta exporter that do not meet, as the SDKs' do not, lose nothing."""
    route: dict[str, Value] = {"http.route": "/a", "http.response.status_code": 200}
    for number in range(3):
        sent = metrics(
            THEIRS,
            histogram("http.server.request.duration", (0.5,), (route, (2, 1), 1.5)),
            counter("orders.placed", "{order}", ({}, 7)),
        )
        collector.send("metrics", as_differences(sent, after=number * 10**7))
    requests = 'signal_service_api_requests_total{endpoint="/a",instance="two",job="orders",method="_OTHER",'
    collector.when(
        lambda: f'{requests}status_code="200",user_tier="unknown"}} 9.0' in collector.scrape(), "all requests"
    )
    assert 'orders_placed_total{instance="two",job="orders"} 21.0' in collector.scrape()


def test_requests_are_counted_whatever_the_histogram(collector: Collector) -> None:
    """An exponential histogram has no buckets for the page; the requests in it are counted all the same."""
    route: dict[str, Value] = {"http.route": "/a", "http.response.status_code": 200}
    collector.send("metrics", metrics(THEIRS, exponential("http.server.request.duration", (route, 0.3, 4))))
    collector.when(lambda: "api_requests_total" in collector.scrape(), "metrics on the page")
    page = collector.scrape()
    labels = 'endpoint="/a",instance="two",job="orders",method="_OTHER",status_code="200",user_tier="unknown"'
    assert f"signal_service_api_requests_total{{{labels}}} 4.0" in page


def _exported(collector: Collector) -> dict[str, dict[str, Any]]:
    """The exported spans by name, with their attributes as a mapping."""

    def spans() -> Iterator[dict[str, Any]]:
        for line in collector.traces.read_text(encoding="utf-8").rpartition("\n")[0].splitlines():
            for resource in json.loads(line)["resourceSpans"]:
                for scope in resource["scopeSpans"]:
                    yield from scope["spans"]

    return {
        one["name"]: {a["key"]: next(iter(a["value"].values())) for a in one.get("attributes", [])}
        for one in spans()
    }


def test_traces_are_redacted_filtered_and_counted(collector: Collector) -> None:
    """User ids become keyed hashes, secrets are masked, health checks are dropped, spans become metrics."""
    secrets = {
        "user.id": "alice", "authorization": "Bearer abcdefghijkl", "url.full": "http://x/?token=abc123",
        "http.method": "GET", "comment": "ask bob@example.com", "db.password": "hunter2",
    }  # fmt: skip
    collector.send(
        "traces",
        traces(
            OURS,
            span("GET /a", secrets, 1),
            span("GET /health", {"http.route": "/health"}, 2),
            span("GET /metrics", {"url.path": "/metrics"}, 3),
            span("failing", {}, 4, error=True),
        ),
    )
    collector.when(lambda: collector.traces.exists() and len(_exported(collector)) >= 2, "exported traces")
    exported = _exported(collector)
    assert set(exported) == {"GET /a", "failing"}
    text = collector.traces.read_text(encoding="utf-8")
    assert not re.search("alice|abcdefghijkl|abc123|bob@|hunter2", text)
    assert len(exported["GET /a"]["user.hash"]) == 64
    assert exported["GET /a"]["http.request.method"] == "GET"

    def counted() -> str:
        lines = [
            line
            for line in collector.scrape().splitlines()
            if line.startswith("traces_span_metrics_calls_total")
        ]
        return "\n".join(line.partition(" # ")[0] for line in sorted(lines))

    collector.when(lambda: counted().count(" 1.0") == 2, "span metrics")
    assert counted() == (
        'traces_span_metrics_calls_total{instance="one",job="signal-service",span_kind="SPAN_KIND_SERVER",'
        'span_name="GET /a",status_code="STATUS_CODE_UNSET"} 1.0\n'
        'traces_span_metrics_calls_total{instance="one",job="signal-service",span_kind="SPAN_KIND_SERVER",'
        'span_name="failing",status_code="STATUS_CODE_ERROR"} 1.0'
    )


_SECRETS: dict[str, Value] = {
    "url.full": "https://u:SECRET1@x/y?access_token=SECRET2&session_id=SECRET3&sig=SECRET4&mail=SECRET5%40example.com",
    "http.target": "/x?password=SECRET6&page=2", "http.url": "http://x/?apikey=SECRET7",
    "db.statement": "SELECT * FROM users WHERE password = 'SECRET8' AND name='SECRET9'",
    "db.query.text": "ALTER USER x IDENTIFIED BY 'SECRET10'", "body": '{"api_key": "SECRET11", "side": "buy"}',
    "http.request.header.authorization": "Basic SECRET12", "http.request.header.cookie": "sid=SECRET13",
    "db.password.old": "SECRET14", "passphrase": "SECRET15", "client_secret": "SECRET16", "session.id": "SECRET17",
    "process.command_line": "prog --token SECRET18 --password=SECRET19", "note": "key AKIASECRET20ABCDEFGH",
    "db.connection_string": "SECRET21", "user_id": "SECRET22", "userId": "SECRET23", "app.user.id": "SECRET24",
    "customer-id": "SECRET25", "enduser.id": "SECRET26", "user.email": "SECRET27@example.com",
}  # fmt: skip
_PLAIN: dict[str, Value] = {
    "tokens": 5, "token_count": 7, "user_agent.name": "curl", "enduser.role": "trader", "side": "buy",
    "url.path": "/signals/SPX", "design": "a=b", "http.request.method": "GET", "risk": "limit=5",
}  # fmt: skip


def test_no_place_keeps_identities_and_secrets(collector: Collector) -> None:
    """Attributes of resources, scopes, spans and events, names and status messages; what is neither stays."""
    sent = span("GET /a?token=SECRET28", _SECRETS | _PLAIN, 1, error=True)
    sent["status"]["message"] = "login of SECRET29@example.com failed: password=SECRET30"
    event: dict[str, Value] = {
        "exception.message": "token=SECRET31",
        "user.id": "SECRET32",
        "api_key": "SECRET33",
    }
    sent["events"] = [{"name": "exception", "attributes": attributes(event)}]
    request = traces(OURS | {"user.id": "SECRET34", "smtp_password": "SECRET35"}, sent)
    scope = request["resourceSpans"][0]["scopeSpans"][0]["scope"]
    scope["attributes"] = attributes({"user.id": "SECRET36", "api_key": "SECRET37"})
    collector.send("traces", request)
    collector.send(
        "metrics",
        metrics(
            OURS | {"user.id": "SECRET38"},
            counter("looked_up", "", ({"userId": "SECRET39", "session.id": "SECRET40", "side": "buy"}, 1)),
        ),
    )
    collector.when(lambda: "traces_span_metrics_calls_total" in collector.scrape(), "span metrics")
    collector.when(lambda: collector.traces.exists() and bool(_exported(collector)), "exported traces")
    text, page = collector.traces.read_text(encoding="utf-8"), collector.scrape()
    assert re.findall(r"SECRET\d+", text + page) == []
    (labels,) = _exported(collector).values()
    assert {key: labels.get(key) for key in _PLAIN} == {
        key: str(value) if isinstance(value, int) else value for key, value in _PLAIN.items()
    }
    assert {key for key in labels if key.startswith("redaction")} == set()
    assert len(labels["user.hash"]) == 64
    assert "page=2" in labels["http.target"]
    assert '"side": "buy"' in labels["body"]
    assert 'span_name="GET /a"' in page
    assert "login of **** failed: ****" in text
    assert 'looked_up_total{instance="one",job="signal-service",side="buy"} 1.0' in page


def test_series_that_differ_by_the_user_are_added_up(collector: Collector) -> None:
    """Series that differ only by the user become one when the label is removed; no count is lost."""
    bought: dict[str, Value] = {"side": "buy"}
    alice, bob = bought | {"user.id": "alice"}, bought | {"user.id": "bob"}
    collector.send(
        "metrics",
        metrics(
            THEIRS,
            counter("orders.placed", "{order}", (alice, 7), (bob, 5), ({"side": "sell"}, 1)),
            histogram("orders.latency", (1,), (alice, (1, 2), 3.0), (bob, (3, 0), 1.0)),
        ),
    )
    collector.when(lambda: "orders_latency_seconds_count" in collector.scrape(), "metrics on the page")
    page = collector.scrape()
    assert 'orders_placed_total{instance="two",job="orders",side="buy"} 12.0' in page
    assert 'orders_placed_total{instance="two",job="orders",side="sell"} 1.0' in page
    assert 'orders_latency_seconds_bucket{instance="two",job="orders",side="buy",le="1.0"} 4' in page
    assert 'orders_latency_seconds_count{instance="two",job="orders",side="buy"} 6' in page


def test_only_noise_is_filtered(collector: Collector) -> None:
    """Successful scrapes and health checks are dropped; failed ones, and paths with similar names, stay."""
    kept = {"/healthcare", "/metrics-export", "/api/v1/health", "/healthz/x"}
    noise = {"/health", "/health/detailed", "/livez", "/metrics"}
    spans = [span(path, {"http.route": path}, number) for number, path in enumerate(sorted(kept | noise), 1)]
    old = [
        span("old", {"http.target": "/healthz?full=1"}, 90),
        span("failed", {"http.route": "/health"}, 91, error=True),
    ]
    collector.send("traces", traces(OURS, *spans, *old))
    collector.when(lambda: collector.traces.exists() and len(_exported(collector)) >= 5, "exported traces")
    # What was sent later is exported later: by then the others have been dropped, or exported.
    collector.send("traces", traces(OURS, span("later", {}, 92)))
    collector.when(lambda: "later" in _exported(collector), "the later trace")
    assert set(_exported(collector)) == kept | {"failed", "later"}


def test_sampling_keeps_errors_and_slow_traces(tmp_path: Path) -> None:
    """Every error, every slow trace and the configured ratio of the rest are kept; metrics count every span."""
    with running(tmp_path, TRACE_SAMPLING_PERCENT="0", SLOW_TRACE_MS="200") as collector:
        quick = [span(f"quick {number}", {}, number) for number in range(1, 11)]
        slow, failed = span("slow", {}, 50, seconds=0.3), span("failed", {}, 51, error=True)
        collector.send("traces", traces(OURS, *quick, slow, failed))
        collector.when(
            lambda: collector.traces.exists() and len(_exported(collector)) >= 2, "exported traces"
        )
        collector.when(lambda: 'span_name="quick 10"' in collector.scrape(), "span metrics")
        assert set(_exported(collector)) == {"slow", "failed"}


def test_a_request_without_route_or_method_has_every_label(collector: Collector) -> None:
    """An empty route is none; rules group by labels that are there."""
    ok: dict[str, Value] = {"http.route": "", "http.response.status_code": 200}
    collector.send(
        "metrics", metrics(THEIRS, histogram("http.server.request.duration", (0.1,), (ok, (1, 0), 0.1)))
    )
    labels = 'endpoint="unmatched",instance="two",job="orders",method="_OTHER",status_code="200",user_tier="unknown"'
    collector.when(lambda: "signal_service_api_requests_total" in collector.scrape(), "metrics on the page")
    assert f"signal_service_api_requests_total{{{labels}}} 1.0" in collector.scrape()


def test_every_instrument_of_the_contract_keeps_its_name(collector: Collector) -> None:
    """Each, sent as the SDK would send it, comes out under its Prometheus name and its labels."""
    sent = []
    for one in contract.instruments():
        labels = {attribute.name: (attribute.values or ("x",))[0] for attribute in one.attributes}
        if one.kind is Kind.HISTOGRAM:
            bounds = one.buckets or ()
            made = histogram(one.name, bounds, (labels, (1,) * (len(bounds) + 1), 1.0)) | {"unit": one.unit}
        elif one.kind is Kind.COUNTER:
            made = counter(one.name, one.unit, (labels, 1.0))
        else:
            made = gauge(one.name, one.unit, (labels, 1.0))
        sent.append(made)
    collector.send("metrics", metrics(OURS, *sent))
    last = sent[-1]["name"]
    collector.when(lambda: contract.get(last).series_names[-1] in collector.scrape(), "metrics on the page")
    labels_of: dict[str, set[str]] = {}
    for line in collector.scrape().splitlines():
        if not line.startswith("#"):
            name, _, rest = line.partition("{")
            labels_of.setdefault(name, set()).update(re.findall(r'(\w+)="', rest.partition("}")[0]))
    for one in contract.instruments():
        for name in one.series_names:
            extra = {"le"} if name.endswith("_bucket") else set()
            assert labels_of.get(name) == {"job", "instance", *one.attribute_names} | extra, name


def test_the_manifest_and_the_modules_have_the_pinned_versions() -> None:
    """.env is the one place; builder.yaml and tools/ agree with it."""
    pinned = binaries.versions()
    manifest = (binaries.ROOT / "collector" / "builder.yaml").read_text(encoding="utf-8")
    assert f"version: {pinned['OTELCOL_VERSION']}" in manifest
    modules = set(re.findall(r"gomod: (?!.*confmap|.*signalscope)\S+ v(\S+)", manifest))
    assert modules == {pinned["OTELCOL_VERSION"]}
    prometheus = (binaries.ROOT / "tools" / "servers" / "go.mod").read_text(encoding="utf-8")
    major, minor, patch = pinned["PROMETHEUS_VERSION"].split(".")
    assert f"github.com/prometheus/prometheus v0.{major}{int(minor):02}.{patch}" in prometheus
    alertmanager = (binaries.ROOT / "tools" / "alertmanager" / "go.mod").read_text(encoding="utf-8")
    assert f"github.com/prometheus/alertmanager v{pinned['ALERTMANAGER_VERSION']}" in alertmanager
    demo = (binaries.ROOT / "tools" / "servers" / "go.mod").read_text(encoding="utf-8")
    source = (binaries.ROOT / "tools" / "servers" / "otelcol" / "components.go").read_text(encoding="utf-8")
    in_demo = re.findall(r"gomod: (\S+) v(\S+)", collector.manifest(""))
    for module, version in in_demo:
        assert f"\t{module} v{version}\n" in demo, module
    imports = re.findall(
        r'\t\w+ "(\S+/(?:receiver|processor|exporter|connector|extension|guard)/\S+)"', source
    )
    modules = {re.sub(r"/guard/\w+$", "/guard", package) for package in imports}
    assert modules == {module for module, _ in in_demo if "confmap" not in module}
    for name in ("OTELCOL", "PROMETHEUS", "ALERTMANAGER"):
        assert pinned[f"{name}_IMAGE"].endswith(pinned[f"{name}_VERSION"])


def test_a_broken_configuration_is_reported_in_one_line(tmp_path: Path) -> None:
    """`validate` names the component and the key."""
    broken = tmp_path / "config.yaml"
    broken.write_text(
        CONFIG.read_text(encoding="utf-8").replace("check_interval", "check_intervall"), encoding="utf-8"
    )
    command: list[str | Path] = [binaries.find("signalscope-otelcol"), "validate", "--config", broken]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "memory_limiter" in done.stderr
    assert "check_intervall" in done.stderr
