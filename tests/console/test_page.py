"""The console in a real browser: panels, texts and keys, with and without data, also on narrow screens."""

from __future__ import annotations

import json
import sys
import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.browser import Browser
from tests.ports import free_port

from signalscope.demo.stack._processes import Part, answers, wait_until

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(120)]

_ALERT = {
    "state": "firing",
    "activeAt": "2026-01-05T09:15:00Z",
    "labels": {"alertname": "SignalServiceDown", "severity": "critical"},
    "annotations": {
        "summary": "it is down",
        "response": "Restart it.",
        "runbook_url": "https://example.com/runbooks/SignalServiceDown.md",
        "dashboard_url": "http://127.0.0.1:3000/d/signalscope-operations?var-job=signal-service",
    },
}
_OTHER = {
    "state": "firing",
    "activeAt": "2026-01-05T09:00:00Z",
    "labels": {"alertname": "HighMemoryUsage", "severity": "warning"},
    "annotations": {"summary": "08d3a52d-adf3-44ac-a0b4-6f1b34fa17b2 uses 5 GiB", "response": "Restart."},
}
_PENDING = {
    **_OTHER,
    "state": "pending",
    "labels": {"alertname": "QueueBackpressureHigh", "severity": "critical"},
}
_ALWAYS = {**_ALERT, "labels": {"alertname": "Watchdog", "severity": "info"}}
_THRESHOLDS = {
    "mode": "absolute",
    "steps": [{"value": None, "color": "green"}, {"value": 5, "color": "red"}],
}


class _FakePrometheus(BaseHTTPRequestHandler):
    """A fake Prometheus: a real one cannot have chosen values and a firing alert within a second."""

    asked: list[str] = []  # noqa: RUF012  # shared by its instances, one for each request
    instants: list[float] = []  # noqa: RUF012  # see above
    alerts: list[dict[str, Any]] = []  # noqa: RUF012  # see above

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        parameters = dict(urllib.parse.parse_qsl(query))
        self.asked.append(parameters.get("query", path))
        known = {
            "/api/v1/alerts": {"alerts": self.alerts},
            "/api/v1/targets": {"activeTargets": [
                {"labels": {"job": "signal-service"}, "scrapeUrl": "http://127.0.0.1:1/metrics", "health": "up"}
            ]},
            "/api/v1/label/job/values": ["signal-service"],
            "/api/v1/label/user_tier/values": ["basic", "free"],
        }  # fmt: skip
        data = known.get(path, {"resultType": "matrix", "result": self._result(path, parameters)})
        status = {"status": "success", "data": data}
        if "broken" in parameters.get("query", ""):
            status = {"status": "error", "error": "parse error: it is broken"}
        body = json.dumps(status).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _result(self, path: str, parameters: dict[str, str]) -> list[dict[str, Any]]:
        name, _, value = parameters.get("query", "").partition(" + ")
        if not value:
            return []
        labels: list[dict[str, str]] = (
            [{"user_tier": f"tier {number}"} for number in range(30)]
            if name == "many by"
            else [{"user_tier": "free", "le": "0.5"}, {"user_tier": "basic", "le": "+Inf"}]
            if "by" in name
            else [{}]
        )
        if path.endswith("query"):
            self.instants.append(float(parameters["time"]))
            return [{"metric": metric, "value": [time.time(), value]} for metric in labels]
        start, end, step = (float(parameters[key]) for key in ("start", "end", "step"))
        times = [start + step * index for index in range(int((end - start) / step) + 1)]
        if name == "native":
            buckets = [[0, "0.25", "0.5", value], [0, "1", "+Inf", "1"]]
            return [
                {
                    "metric": {},
                    "histograms": [[at, {"count": "9", "sum": "3", "buckets": buckets}] for at in times],
                }
            ]
        return [
            {"metric": metric, "values": [[at, str(float(value) * (number + 1))] for at in times]}
            for number, metric in enumerate(labels)
        ]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
        """Print nothing."""


@pytest.fixture
def prometheus() -> Iterator[str]:
    """The URL of the fake Prometheus."""
    _FakePrometheus.asked.clear()
    _FakePrometheus.alerts[:] = [_PENDING, _OTHER, _ALERT, _ALWAYS]
    server = ThreadingHTTPServer(("127.0.0.1", 0), _FakePrometheus)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all tests."""
    with Browser(tmp_path_factory.mktemp("chromium")) as running:
        yield running


@pytest.fixture
def browser(chromium: Browser) -> Browser:
    """The browser with a new page and an empty storage."""
    chromium.renew()
    return chromium


def _panel(number: int, kind: str, expr: str, **more: Any) -> dict[str, Any]:
    target = {"refId": "A", "expr": expr, "legendFormat": more.pop("legend", ""), **more.pop("target", {})}
    defaults = {"unit": "reqps", "noValue": "nothing came", "thresholds": _THRESHOLDS, "custom": {},
                "color": {"mode": "thresholds"}, **more.pop("defaults", {})}  # fmt: skip
    return {
        "id": number, "type": kind, "title": f"What about {kind}?", "description": "About it.", "targets": [target],
        "gridPos": {"x": (number * 6) % 24, "y": number // 4 * 6, "w": 6, "h": 6},
        "fieldConfig": {"defaults": defaults, "overrides": []}, "options": {"colorMode": "background"}, **more,
    }  # fmt: skip


def _board() -> dict[str, Any]:
    by, instant = "sum by (user_tier) (a)", {"instant": True}
    panels = [
        _panel(0, "stat", "a + 4321", defaults={"unit": "reqps"}),
        _panel(1, "gauge", "a + 0.25", defaults={"unit": "percentunit", "min": 0, "max": 1}),
        _panel(2, "bargauge", f"{by} + 7", legend="{{user_tier}}", target=instant),
        _panel(3, "timeseries", f'{by}{{user_tier=~"$tier"}} + 3', legend="tier {{user_tier}}"),
        _panel(4, "state-timeline", "a + 1", legend="it", defaults={"mappings": [
            {"type": "value", "options": {"1": {"text": "well", "color": "green"}}}]}),
        _panel(5, "heatmap", f"{by} + 5", options={"yAxis": {"unit": "s"}}),
        _panel(6, "table", f"{by} + 9", target=instant, defaults={"unit": "s"}, transformations=[
            {"id": "organize", "options": {"renameByName": {"user_tier": "Tier", "Value": "Time"},
             "indexByName": {"user_tier": 0, "Value": 1}, "excludeByName": {"le": True}}}]),
        _panel(7, "stat", "a"),
        _panel(8, "stat", "broken"),
        _panel(9, "stat", f"{by} + 2", legend="{{user_tier}}", target=instant,
               options={"textMode": "value_and_name"}),
        _panel(10, "heatmap", "native + 5", options={"yAxis": {"unit": "s"}}),
    ]  # fmt: skip
    tier = {"type": "query", "name": "tier", "label": "Tier", "query": "label_values(a, user_tier)",
            "multi": True, "allValue": ".+", "current": {"value": ["$__all"]}}  # fmt: skip
    return {
        "uid": "mine", "title": "Mine", "description": "My own.", "time": {"from": "now-15m", "to": "now"},
        "templating": {"list": [tier]}, "panels": panels,
    }  # fmt: skip


@contextmanager
def _console(
    tmp_path: Path, endpoints: dict[str, object], board: dict[str, Any] | None = None
) -> Iterator[str]:
    """The URL of a running console."""
    tmp_path.mkdir(exist_ok=True)
    file, port = tmp_path / "endpoints.json", free_port()
    file.write_text(json.dumps(endpoints), encoding="utf-8")
    command = [sys.executable, "-m", "signalscope.console", "--port", str(port), "--endpoints", str(file)]
    if board is not None:
        (tmp_path / "boards").mkdir()
        (tmp_path / "boards" / "mine.json").write_text(json.dumps(board), encoding="utf-8")
        command += ["--dashboards", str(tmp_path / "boards")]
    part = Part("console", command, tmp_path / "console.log")
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: answers(f"{url}/healthz"), "the console", 30, [part])
        yield url
    finally:
        part.stop()


_STATES = "Object.fromEntries([...document.querySelectorAll('.panel')].map(p => [p.dataset.panel, p.dataset.state]))"
_DONE = (
    "document.querySelectorAll('.panel').length > 0 && !document.querySelector('[data-state=waiting]')"
    " && document.body.dataset.busy === 'false'"
)


def _text(browser: Browser, number: int, selector: str = "*") -> str:
    return str(browser.run(f"document.querySelector('[data-panel=\"{number}\"] {selector}').textContent"))


def test_it_draws_every_kind_of_panel(tmp_path: Path, prometheus: str, browser: Browser) -> None:
    """With units, mappings and legends; without data the panel's own text, and Prometheus' text for an error."""
    with _console(tmp_path, {"prometheus": prometheus, "token": "s3cret-token"}, _board()) as url:
        browser.open(f"{url}/d/mine?theme=dark")
        browser.until(_DONE)
        states = browser.run(_STATES)
        assert states == {
            **{str(number): "data" for number in (*range(7), 9, 10)},
            "7": "empty",
            "8": "error",
        }
        assert _text(browser, 0, ".stat b") == "4.32 K req/s"
        assert "250, 73, 92" not in browser.run(
            "getComputedStyle(document.querySelector('.stat')).backgroundColor"
        )
        assert browser.run("document.querySelector('.body.gauge').getAttribute('aria-label')") == "25%"
        assert _text(browser, 2, ".bars") == "free7 req/sbasic7 req/s"
        assert _text(browser, 3, ".legend") == "tier freetier basic"
        assert browser.run("document.querySelectorAll('[data-panel=\"3\"] canvas').length") == 1
        assert _text(browser, 4, ".stretch") == "well"
        assert browser.run("document.querySelectorAll('[data-panel=\"5\"] canvas').length") >= 1
        assert browser.run("document.querySelectorAll('[data-panel=\"10\"] canvas').length") >= 1
        assert _text(browser, 6, "table") == "TierTimefree9 sbasic9 s"
        assert _text(browser, 7, ".note") == "nothing came"
        assert _text(browser, 8, ".note") == "parse error: it is broken"
        assert _text(browser, 9, ".stats") == "2 req/sfree2 req/sbasic"
        assert "It is not Grafana." in browser.run("document.body.textContent")
        assert "s3cret-token" not in browser.run("document.documentElement.outerHTML")
        assert browser.complaints == []


_UNITS: dict[str, dict[str, str]] = {
    "s": {"0": "0 s", "0.0000042": "4.2 µs", "0.0817": "81.7 ms", "1.5": "1.5 s", "90": "1.5 mins"},
    "bytes": {"780": "780 B", "200000000": "191 MiB"},
    "percentunit": {"0.9995": "99.95%", "1": "100%", "0.00021": "0.021%"},
    "short": {"4321": "4.32 K", "21000000": "21 Mil", "-0.5": "-0.5"},
    "dtdurations": {"0": "0 seconds", "61": "1 minute, 1 second", "172800": "2 days"},
    "dtdhms": {"0": "00:00:00", "295.4": "00:04:55", "90061": "1 d 01:01:01"},
    "currencyUSD": {"27400": "$27.4K", "-3": "-$3", "0.0092": "$0.0092", "0.000000023": "$0.000000023"},
    "currencyEUR": {"2": "€2"},
    "cps": {"0.25": "0.25 /s"},
    "reqps": {"12.34": "12.3 req/s"},
}


def test_a_dashboard_made_by_hand(tmp_path: Path, prometheus: str, browser: Browser) -> None:
    """Optional keys may be missing; panels in a collapsed row are shown; an unsupported panel is named."""
    stat = {"id": 1, "type": "stat", "title": "How many?", "targets": [{"expr": "a + 3", "refId": "A"}]}
    text = {"id": 2, "type": "text", "title": "Read me"}
    board = {
        "uid": "mine",
        "title": "Mine",
        "panels": [{"type": "row", "collapsed": True, "panels": [stat, text]}],
    }
    with _console(tmp_path, {"prometheus": prometheus}, board) as url:
        browser.open(f"{url}/d/mine")
        browser.until(_DONE)
        assert _text(browser, 1, ".stat b") == "3"
        assert (
            _text(browser, 2, ".note")
            == "This page cannot draw a panel of the type text; use Grafana for it."
        )
        assert browser.complaints == []


def test_units(tmp_path: Path, browser: Browser) -> None:
    """Numbers look nearly as in Grafana, so that both can be compared."""
    with _console(tmp_path, {"service": "http://127.0.0.1:1"}) as url:
        browser.open(f"{url}/stack")
        for unit, values in _UNITS.items():
            for value, text in values.items():
                script = f"import('/static/format.js').then(m => m.format({value}, '{unit}'))"
                assert browser.run(script) == text


def test_lines_of_an_axis_are_round_numbers(tmp_path: Path, browser: Browser) -> None:
    """Numbers are round in the unit of the axis: whole minutes, and powers of two for bytes."""
    with _console(tmp_path, {"service": "http://127.0.0.1:1"}) as url:
        browser.open(f"{url}/stack")
        for highest, unit, step in (
            (0.93, "s", 0.25), (17, "reqps", 5), (290, "s", 120), (4_000, "s", 1800), (200 << 20, "bytes", 50 << 20),
        ):  # fmt: skip
            assert browser.run(f"import('/static/format.js').then(m => m.round({highest}, '{unit}'))") == step


def test_a_name_keeps_its_colour(tmp_path: Path, prometheus: str, browser: Browser) -> None:
    """The colour is the same on other dashboards and after a reload, also if it is a second choice."""
    script = "import('/static/look.js').then(m => { m.tellApart(%s); return %s.map(m.byName) })"
    both, queue_only = json.dumps(["load", "queue"]), json.dumps(["queue"])
    with _console(tmp_path, {"prometheus": prometheus}, _board()) as url:
        browser.open(f"{url}/stack")
        unmoved = browser.run(f"import('/static/look.js').then(m => {both}.map(m.byName))")
        assert unmoved[0] == unmoved[1]  # so that one of the names gets its second choice
        first = browser.run(script % (both, both))
        assert first[0] != first[1]
        browser.open(f"{url}/d/mine")
        assert browser.run(script % (queue_only, queue_only)) == first[1:]


def test_variables_time_and_theme(tmp_path: Path, prometheus: str, browser: Browser) -> None:
    """A chosen tier and time are in the next query and in the URL; the theme stays on the next page."""
    with _console(tmp_path, {"prometheus": prometheus}, _board()) as url:
        browser.open(f"{url}/d/mine?from=now-5m&var-tier=free")
        browser.until(_DONE)
        assert any('user_tier=~"free"' in query for query in _FakePrometheus.asked)
        browser.run("document.querySelector('.variable summary').click()")
        browser.run("document.querySelector('.menu input[value=basic]').click()")
        browser.until("location.search.includes('var-tier=%24__all')")
        browser.until(_DONE)
        assert any('user_tier=~".+"' in query for query in _FakePrometheus.asked)
        browser.run(
            "const s = document.getElementById('range'); s.value = 'now-6h'; s.dispatchEvent(new Event('change'))"
        )
        browser.until("location.search.includes('from=now-6h')")
        browser.run(
            "const r = document.getElementById('range'); r.value = 'now-6h/now+48h'; "
            "r.dispatchEvent(new Event('change'))"
        )
        browser.until("location.search.includes('to=now%2B48h')")
        browser.until(_DONE)
        assert _text(browser, 2, ".bars") == "free7 req/sbasic7 req/s"
        assert max(_FakePrometheus.instants) <= time.time()  # no value is known of a future time
        before = browser.run("document.documentElement.dataset.theme")
        browser.press("t")
        switched = "light" if before == "dark" else "dark"
        browser.until(f"document.documentElement.dataset.theme === '{switched}'")
        browser.open(f"{url}/stack")
        browser.until("document.getElementById('targets') !== null")
        assert browser.run("document.documentElement.dataset.theme") == switched


def test_a_time_in_the_address_that_is_none(tmp_path: Path, prometheus: str, browser: Browser) -> None:
    """An invalid time gets a message; ISO dates and milliseconds are valid."""
    with _console(tmp_path, {"prometheus": prometheus}, _board()) as url:
        for query, message in (
            ("from=yesterday", "yesterday is not a time; write for example now-1h"),
            ("from=now&to=now-1h", "now is not before now-1h"),
        ):
            browser.open(f"{url}/d/mine?{query}")
            browser.until(f"document.getElementById('problem')?.textContent === '{message}'")
        milliseconds = 1000 * int(time.time())
        browser.open(f"{url}/d/mine?from=2026-01-05T09:30:00Z&to={milliseconds}")
        browser.until(_DONE)
        assert browser.run(_STATES)["3"] == "data"
        assert browser.complaints == []


def test_it_refreshes_itself(tmp_path: Path, prometheus: str, browser: Browser) -> None:
    """The query of a panel is repeated at the chosen interval."""
    with _console(tmp_path, {"prometheus": prometheus}, _board()) as url:
        browser.open(f"{url}/d/mine?refresh=1s")
        browser.until(_DONE)
        before = _FakePrometheus.asked.count("a + 4321")
        browser.until("new Promise(done => setTimeout(() => done(true), 2500))")
        assert _FakePrometheus.asked.count("a + 4321") >= before + 1


def test_keys_and_narrow_screens(tmp_path: Path, prometheus: str, browser: Browser) -> None:
    """Keys alone reach and explain a panel; on a telephone panels are as wide as the screen."""
    with _console(tmp_path, {"prometheus": prometheus}, _board()) as url:
        browser.open(f"{url}/d/mine")
        browser.until(_DONE)
        browser.press("j")
        browser.press("j")
        assert browser.run("document.activeElement.dataset.panel") == "1"
        browser.press("k")
        browser.press("Enter")
        assert "a + 4321" in browser.until("document.querySelector('dialog[open]')?.textContent")
        browser.press("Escape")
        browser.until("document.querySelector('dialog') === null")
        assert browser.run("document.activeElement.dataset.panel") == "0"
        browser.resize(390, 800)
        width = "document.querySelector('[data-panel=\"3\"]').getBoundingClientRect().width"
        browser.until(f"{width} > 350 && {width} <= 390")
        assert browser.run("document.documentElement.scrollWidth") <= 390
        # Two numbers share a line; a number without a partner is as wide as the screen.
        widths = [browser.run(width.replace('"3"', f'"{number}"')) for number in (0, 1, 9)]
        assert max(widths[:2]) < 200
        assert widths[2] > 350
        assert browser.complaints == []


def test_it_shows_alerts_and_targets(tmp_path: Path, prometheus: str, browser: Browser) -> None:
    """The page has firing alerts with their response, targets and URLs, but not the token."""
    places: dict[str, object] = {
        "service": "http://127.0.0.1:1",
        "prometheus": prometheus,
        "token": "s3cret-token",
    }
    with _console(tmp_path, places) as url:
        browser.open(f"{url}/stack")
        shown = browser.until("document.getElementById('targets') && document.body.textContent")
        for text in (
            "SignalServiceDowncritical, firing for",
            "it is down. Do first: Restart it.",
            "08d3a52d uses 5 GiB.",
            "signal-service",
            "http://127.0.0.1:1/metrics",
        ):
            assert text in shown
        assert "Watchdog" not in shown
        assert browser.run("[...document.querySelectorAll('#alerts .dot')].map(e => e.textContent)") == [
            "SignalServiceDown", "HighMemoryUsage", "QueueBackpressureHigh",
        ]  # fmt: skip
        assert "s3cret-token" not in browser.run("document.documentElement.outerHTML")


def test_the_first_tile_says_what_is_broken(tmp_path: Path, prometheus: str, browser: Browser) -> None:
    """It has the worst alert with its response and links of this console, or says that nothing is broken."""
    tile = "document.getElementById('now').innerText"
    with _console(tmp_path, {"prometheus": prometheus}, _board()) as url:
        browser.open(f"{url}/d/mine")
        text = browser.until(f"{tile}.includes('Broken now') && {tile}")
        for part in (
            "Broken now: SignalServiceDown",
            "critical, for ",
            "it is down.",
            "Do first: Restart it.",
            "1 more firing: HighMemoryUsage.",
        ):
            assert part in text
        links = "[...document.querySelectorAll('#now h2 a')].map(a => a.getAttribute('href'))"
        assert browser.run(links) == [
            "/runbooks/SignalServiceDown", "/d/signalscope-operations?var-job=signal-service",
        ]  # fmt: skip
        browser.run("document.querySelector('#now h2 a').click()")
        browser.until("document.querySelector('#runbook h2')?.textContent === 'Meaning'")
        assert browser.run("document.querySelector('h1').textContent") == "SignalServiceDown"
        hosts = "[...document.querySelectorAll('#runbook a')].map(a => new URL(a.href).host)"
        assert set(browser.run(hosts)) == {url.removeprefix("http://")}
        _FakePrometheus.alerts[:] = [_PENDING, _ALWAYS]
        browser.open(f"{url}/d/mine")
        browser.until(f"{tile}.includes('Nothing is broken: no alert is firing.')")
        assert "Not firing yet: QueueBackpressureHigh." in browser.run(tile)
        _FakePrometheus.alerts.clear()
        browser.open(f"{url}/d/mine")
        browser.until(f"{tile}.includes('What is broken is not known.')")
        assert "Watchdog does not fire: Prometheus does not evaluate the rules" in browser.run(tile)
        assert browser.complaints == []
    with _console(tmp_path / "none", {"prometheus": f"http://127.0.0.1:{free_port()}"}) as url:
        browser.open(f"{url}/stack")
        browser.until(f"{tile}.includes('What is broken is not known.')")
        assert "Prometheus does not answer: ConnectError" in browser.run(tile)


def test_sections_that_do_not_fit_are_closed(tmp_path: Path, prometheus: str, browser: Browser) -> None:
    """The page fits on a screen; closed panels ask nothing, and the user's choice is remembered."""
    board = _board()
    heights = (("First", 6), ("Second", 6), ("Third", 40))
    board["panels"] = []
    for number, (title, height) in enumerate(heights):
        panel = _panel(number, "stat", f"a + {number + 70}")
        panel["gridPos"] = {"x": 0, "y": 100 * number + 1, "w": 24, "h": height}
        row = {"id": 50 + number, "type": "row", "title": title, "gridPos": {"x": 0, "y": 100 * number}}
        board["panels"] += [row, panel]
    opened = "[...document.querySelectorAll('details.row')].map(d => d.open)"
    with _console(tmp_path, {"prometheus": prometheus}, board) as url:
        browser.open(f"{url}/d/mine")
        browser.until("document.body.dataset.busy === 'false'")
        assert browser.run(opened) == [True, True, False]
        assert browser.run("document.body.getBoundingClientRect().height <= window.innerHeight")
        assert "a + 70" in _FakePrometheus.asked
        assert "a + 72" not in _FakePrometheus.asked
        assert browser.run("document.querySelectorAll('details.row .inside')[2].textContent") == "1 panel"
        browser.run("document.querySelectorAll('details.row summary')[2].click()")
        browser.until("document.querySelector('[data-panel=\"2\"]').dataset.state === 'data'")
        browser.run("document.querySelectorAll('details.row summary')[1].click()")
        browser.open(f"{url}/d/mine")
        browser.until("document.body.dataset.busy === 'false'")
        assert browser.run(opened) == [True, False, True]
        browser.press("o")
        assert browser.run(opened) == [True, True, True]
        browser.press("o")
        assert browser.run(opened) == [True, False, False]
        browser.open(f"{url}/d/mine?kiosk")
        browser.until("document.body.dataset.busy === 'false'")
        assert browser.run(opened) == [True, True, True]


def test_what_does_not_fit_is_counted(tmp_path: Path, prometheus: str, browser: Browser) -> None:
    """A legend says how many entries are hidden and shows them on a click; bars say how many are below."""
    board = _board()
    board["panels"] = [
        _panel(0, "timeseries", "many by + 3", legend="a rather long name of {{user_tier}}"),
        _panel(1, "bargauge", "many by + 3", legend="{{user_tier}}", target={"instant": True}),
        _panel(2, "bargauge", "sum by (user_tier) (a) + 7", legend="{{user_tier}}", target={"instant": True}),
    ]
    with _console(tmp_path, {"prometheus": prometheus}, board) as url:
        browser.open(f"{url}/d/mine")
        browser.until(_DONE)
        entries = (
            "[...document.querySelectorAll('[data-panel=\"0\"] .legend button')].map(b => b.textContent)"
        )
        *shown, rest = browser.run(entries)
        assert rest == f"+{30 - len(shown)} more"
        assert 1 <= len(shown) < 10
        browser.run("document.querySelector('[data-panel=\"0\"] .rest').click()")
        assert [*browser.run(entries)[-2:], len(browser.run(entries))] == [
            "a rather long name of tier 29", "fewer", 31,
        ]  # fmt: skip
        browser.run("document.querySelector('[data-panel=\"0\"] .rest').click()")
        assert browser.run(entries) == [*shown, rest]
        note = _text(browser, 1, ".note")
        assert note.endswith(" of 30 below: scroll")
        assert 0 < int(note.split()[0]) < 30
        assert _text(browser, 2, ".note") == ""


_AREA = (
    "window.echarts.getInstanceByDom(document.querySelector('[data-panel=\"3\"] .chart'))"
    ".getOption().series[0].markArea?.data?.[0]?.map(end => end.xAxis) ?? null"
)


def test_generated_history_is_named_and_shaded(tmp_path: Path, prometheus: str, browser: Browser) -> None:
    """The page says until when the history is generated, and charts are shaded up to there; else neither."""
    until = int(time.time()) - 300
    for number, (more, is_shaded) in enumerate((({"generated_until": until}, True), ({}, False))):
        with _console(tmp_path / str(number), {"prometheus": prometheus, **more}, _board()) as url:
            browser.open(f"{url}/d/mine?from=now-15m")
            browser.until(_DONE)
            note = browser.run("document.getElementById('generated').textContent")
            assert note.startswith("Generated, not measured: everything before") is is_shaded
            area = browser.run(_AREA)
            assert (area is not None) is is_shaded
            if area:
                assert area[0] < area[1] == until * 1000
    assert browser.complaints == []


def test_it_says_when_there_is_nobody_to_ask(tmp_path: Path, browser: Browser) -> None:
    """If Prometheus is down or missing, the page has a message and no numbers."""
    with _console(tmp_path, {"prometheus": f"http://127.0.0.1:{free_port()}"}, _board()) as url:
        browser.open(f"{url}/stack")
        browser.until("document.body.textContent.includes('Prometheus does not answer: ConnectError')")
        browser.open(f"{url}/d/mine")
        browser.until(_DONE)
        assert set(browser.run(_STATES).values()) == {"error"}
        assert "Prometheus does not answer" in _text(browser, 0, ".note")
    with _console(tmp_path, {"service": "http://127.0.0.1:1"}) as url:
        browser.open(f"{url}/")
        browser.until("document.body.textContent.includes('The demo runs without Prometheus. [SS726]')")


def test_dashboards_appear_when_prometheus_joins(tmp_path: Path, prometheus: str, browser: Browser) -> None:
    """Before, the page has what is missing, the estimate and the change; it opens the dashboard by itself."""
    missing = [
        {"name": "Prometheus", "text": "40 % built; ready in about 3 min (estimate)", "change": "Alerts."}
    ]
    demo: dict[str, object] = {
        "service": f"http://127.0.0.1:{free_port()}", "token": "t", "building": missing,
    }  # fmt: skip
    with _console(tmp_path, demo, _board()) as url:
        browser.open(f"{url}/")
        browser.until(
            "document.getElementById('building')?.textContent.includes('ready in about 3 min (estimate)')"
        )
        text = str(browser.run("document.body.textContent"))
        assert "Numbers of this process, without Prometheus" in text
        assert "The service does not answer: ConnectError [SS728]" in text
        assert "Alerts and dashboards come with Prometheus, which has not joined yet." in text
        assert "SS726" not in text
        (tmp_path / "endpoints.json").write_text(
            json.dumps({**demo, "prometheus": prometheus, "building": []})
        )
        browser.until(_DONE)


def test_a_mistake_in_the_page_would_be_seen(tmp_path: Path, prometheus: str, browser: Browser) -> None:
    """An exception, a failed load and `console.error` are complaints; the other tests rely on this."""
    with _console(tmp_path, {"prometheus": prometheus}, _board()) as url:
        browser.open(f"{url}/d/mine")
        browser.until(_DONE)
        browser.run("setTimeout(() => { throw new Error('thrown') }); console.error('said'); fetch('/none')")
        browser.until("new Promise(done => setTimeout(() => done(true), 500))")
        assert len(browser.complaints) == 3, browser.complaints
