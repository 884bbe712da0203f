"""The dashboards: valid for Grafana, complete, about existing metrics, and with consistent colours."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard
from tests.dashboards.promql import filled, grouped, selectors

import signalscope.demo.service.instruments  # noqa: F401  # the thresholds family, an extension of the contract
from signalscope import binaries, contract, derived
from signalscope.config import Config
from signalscope.contract import ContractError
from signalscope.mixin.alerts import alerts
from signalscope.mixin.dashboards import _expr, _pipeline, boards, files
from signalscope.mixin.dashboards._style import PALETTE
from signalscope.mixin.generate import HEADER, generate, rendered

BOARDS = {name: json.loads(text) for name, text in files(Config(), HEADER).items()}
_KEYS = "executive operations developer capacity revenue experience cost telemetry extended"
each_board = pytest.mark.parametrize("name", BOARDS)


def _panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def _expressions() -> list[tuple[str, str]]:
    return [
        (f"{name}: {panel['title']}", target["expr"])
        for name, board in BOARDS.items()
        for panel in _panels(board)
        for target in panel["targets"]
    ]


def test_every_dashboard_is_there() -> None:
    """All dashboards exist with unique uids and are committed; the last one needs the instruments of the demo."""
    assert [board.key for board in boards(Config())] == _KEYS.split()
    for name, board in BOARDS.items():
        assert board["uid"] == f"signalscope-{name.removesuffix('.json')}"
        assert "signalscope" in board["tags"]
        committed = binaries.ROOT / "deploy" / "demo" / "dashboards" / name
        assert json.loads(committed.read_text(encoding="utf-8")) == board


@each_board
def test_grafana_s_models_read_and_write_it_unchanged(name: str) -> None:
    """The models of grafana-foundation-sdk contain all fields of the dashboards and panels."""
    board = BOARDS[name]
    again = json.loads(json.dumps(Dashboard.from_json(board), cls=JSONEncoder))
    assert again == board


@each_board
def test_panels_neither_overlap_nor_leave_holes(name: str) -> None:
    """Each cell of the grid belongs to exactly one panel, and ids are unique."""
    taken: dict[tuple[int, int], int] = {}
    for panel in BOARDS[name]["panels"]:
        at = panel["gridPos"]
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                assert (x, y) not in taken, (panel["title"], taken[x, y])
                taken[x, y] = panel["id"]
    height = max(y for _, y in taken) + 1
    assert set(taken) == {(x, y) for x in range(24) for y in range(height)}
    ids = [panel["id"] for panel in BOARDS[name]["panels"]]
    assert len(set(ids)) == len(ids)


@each_board
def test_the_verdict_is_on_top(name: str) -> None:
    """The first row is the verdict, and the titles in a row are unique."""
    board = BOARDS[name]
    if name != "extended.json":
        assert board["panels"][0]["title"].startswith("Verdict: ")
    assert board["panels"][1]["type"] in {"stat", "gauge", "timeseries"}
    for row in _by_row(board):
        titles = [panel["title"] for panel in row]
        assert len(set(titles)) == len(titles), titles


def _by_row(board: dict[str, Any]) -> list[list[dict[str, Any]]]:
    rows: list[list[dict[str, Any]]] = []
    for panel in board["panels"]:
        if panel["type"] == "row":
            rows.append([])
        else:
            rows[-1].append(panel)
    return rows


@pytest.mark.parametrize(("where", "expression"), _expressions())
def test_every_metric_and_label_exists(where: str, expression: str) -> None:
    """Each metric and label is in the contract, the recorded series or the metrics of the pipeline."""
    labels: dict[str, set[str]] = defaultdict(lambda: {"job", "instance", "process"})
    for one in contract.instruments():
        for name in one.series_names:
            labels[name] |= {*one.attribute_names, *(["le"] if name.endswith("_bucket") else ())}
    for recorded in derived.all_series():
        labels[recorded.name] = set(recorded.all_labels)
    for name, own in _pipeline.SERIES.items():
        labels[name] |= set(own)
    known: set[str] = set()
    for name, matchers in selectors(expression):
        assert name in labels, where
        assert set(matchers) <= labels[name], (where, name)
        known |= labels[name]
    if "ALERTS" in expression:
        known |= {"service_name"}  # alerts keep the labels of their series
    assert grouped(expression) <= known, where


@pytest.mark.needs("promtool")
def test_every_expression_is_promql(tmp_path: Path) -> None:
    """The parser of Prometheus accepts all expressions."""
    rules = [
        {"record": f"panel:{number}", "expr": filled(expression)}
        for number, (_, expression) in enumerate(_expressions())
    ]
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}), encoding="utf-8")
    done = subprocess.run(
        [binaries.find("promtool"), "check", "rules", "--lint=none", str(path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_every_instrument_is_used() -> None:
    """A panel or rule uses each instrument, or the contract has a reason."""
    made = rendered(Config())
    text = "\n".join(content for name, content in made.items() if name.startswith(("rules/", "dashboards/")))
    for one in contract.instruments():
        used = any(re.search(rf"(?<![\w:]){name}(?![\w:])", text) for name in one.series_names)
        assert used or one.unused, one.name


def test_links_lead_somewhere() -> None:
    """Links lead to existing runbooks and dashboards, and keep variables and time range."""
    names = {alert.name for alert in alerts(Config())}
    uids = {board["uid"] for board in BOARDS.values()}
    led_to = set()
    for board in BOARDS.values():
        assert [link["tags"] for link in board["links"]] == [["signalscope"]]
        assert board["links"][0]["includeVars"]
        for panel in _panels(board):
            for link in panel.get("links", ()):
                if link["title"].startswith("Runbook"):
                    page = link["url"].rpartition("/")[2]
                    assert page.removesuffix(".md") in names
                    assert (binaries.ROOT / "docs" / "runbooks" / page).is_file()
                else:
                    uid, _, query = link["url"].removeprefix("/d/").partition("?")
                    assert uid in uids
                    for kept in (
                        "__url_time_range",
                        "datasource:queryparam",
                        "job:queryparam",
                        "tier:queryparam",
                    ):
                        assert f"${{{kept}}}" in query
                    led_to.add(uid)
    assert led_to == uids - {"signalscope-telemetry", "signalscope-extended"}


def test_the_same_name_has_the_same_colour_everywhere() -> None:
    """A name has the same colour in all panels of all dashboards."""
    colours: dict[str, set[str]] = defaultdict(set)
    for board in BOARDS.values():
        for panel in _panels(board):
            for override in panel["fieldConfig"]["overrides"]:
                for setting in override["properties"]:
                    if setting["id"] == "color":
                        colours[override["matcher"]["options"]].add(setting["value"]["fixedColor"])
    assert colours["5xx"] == {PALETTE["status"]["5xx"]}
    assert colours["enterprise"] == {PALETTE["user_tier"]["enterprise"]}
    assert {name: shades for name, shades in colours.items() if len(shades) > 1} == {}


def test_thresholds_are_the_config_s() -> None:
    """A changed threshold in the configuration changes the line in the panel."""
    changed = files(Config.model_validate({"thresholds": {"api_p95_seconds": 3.25}}), HEADER)
    for name in ("operations.json", "developer.json", "experience.json"):
        steps = [
            step["value"]
            for panel in _panels(json.loads(changed[name]))
            for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        ]
        assert 3.25 in steps, name
        assert Config().thresholds.api_p95_seconds not in steps, name


def test_exemplars_are_queried_for_histogram_quantiles() -> None:
    """Only panels of histogram quantiles query exemplars."""
    marked = {
        name
        for name, board in BOARDS.items()
        for panel in _panels(board)
        for target in panel["targets"]
        if target.get("exemplar")
    }
    assert {"operations.json", "developer.json", "experience.json"} <= marked
    for board in BOARDS.values():
        for panel in _panels(board):
            for target in panel["targets"]:
                assert not target.get("exemplar") or re.search(r"_bucket\{", target["expr"]), panel["title"]


def test_the_alert_that_always_fires_is_not_shown() -> None:
    """Panels of alerts exclude the watchdog; it only shows that the rules are evaluated, so that 0 alerts is true."""
    watchdog = ' or 0 * count(ALERTS{alertname="Watchdog"})'
    assert [where for where, expression in _expressions() if watchdog in expression] == [
        "operations.json: How many alerts are firing?"
    ]
    for where, expression in _expressions():
        for name, matchers in selectors(expression.replace(watchdog, "")):
            assert name != "ALERTS" or matchers.get("alertname") == '!="Watchdog"', where


def _panel_of(name: str, title: str) -> dict[str, Any]:
    return next(panel for panel in _panels(BOARDS[name]) if panel["title"] == title)


def test_the_worst_alert_is_first() -> None:
    """The severity is a number with a text, so that a table can be sorted by it; the text has its colour."""
    panel = _panel_of("operations.json", "Which alerts are firing?")
    assert panel["options"]["sortBy"] == [{"displayName": "Severity", "desc": True}]
    (severity,) = (
        override
        for override in panel["fieldConfig"]["overrides"]
        if override["matcher"]["options"] == "Severity"
    )
    (mapping,) = (
        change["value"][0]["options"] for change in severity["properties"] if change["id"] == "mappings"
    )
    names = {value: known["text"] for value, known in mapping.items()}
    assert names == {"1": "info", "2": "warning", "3": "critical"}
    assert {known["text"]: known["color"] for known in mapping.values()} == PALETTE["severity"]
    for value, name in names.items():
        assert f'severity="{name}"}} * {value}' in panel["targets"][0]["expr"]


def test_a_legend_has_short_names_of_processes() -> None:
    """Each query with the label `instance` in its legend cuts a UUID to its first eight digits."""
    queries = [
        (panel["title"], query["expr"])
        for board in BOARDS.values()
        for panel in _panels(board)
        for query in panel.get("targets", ())
        if "{{instance}}" in query.get("legendFormat", "")
    ]
    assert len(queries) >= 4
    for title, expression in queries:
        assert expression.startswith("label_replace(") or title == "How much memory does the Collector use?"


def test_a_process_has_a_short_name() -> None:
    """Each panel by instance of the service cuts a UUID to its first eight digits."""
    by_process = [
        (where, expression)
        for where, expression in _expressions()
        if re.search(r"instance(, process)?\)", expression)
    ]
    assert len(by_process) == 6
    for where, expression in by_process:
        short = expression.startswith("label_replace(") and '"([0-9a-f]{8})(?:-' in expression
        assert short or where.endswith("How much memory does the Collector use?"), where  # a host and a port


@pytest.mark.parametrize(
    ("instance", "text"),
    [
        ("0b7e6c1e-6a5d-4f6f-9d5b-2f1f0c1d2e3f", "0b7e6c1e"),
        ("host-7.example:8000", "host-7.example:8000"),
        ("0b7e6c1e", "0b7e6c1e"),
    ],
)
def test_the_menu_of_instances_has_short_names(instance: str, text: str) -> None:
    """Grafana shows the group `text`, else the group `value`, and queries with the group `value`."""
    variables = BOARDS["operations.json"]["templating"]["list"]
    regex = next(variable["regex"] for variable in variables if variable["name"] == "instance")
    match = re.search(regex.strip("/").replace("(?<", "(?P<"), instance)
    assert match
    assert match["value"] == instance
    assert (match["text"] or match["value"]) == text


def test_quantiles_differ_by_hue() -> None:
    """Three shades of one colour are hard to tell apart."""
    hues = {colour.rpartition("-")[2] for colour in PALETTE["quantile"].values()}
    assert len(hues) == 3
    assert len([hue for hue in hues if "blue" in hue]) == 1


def test_cost_and_revenue_are_both_per_month() -> None:
    """A table shows the two side by side, and no panel shows a cost of one hour."""
    panel = _panel_of("cost.json", "Which tier is profitable?")
    assert list(panel["transformations"][1]["options"]["renameByName"].values())[-3:] == [
        "Profit", "Revenue", "Cost",
    ]  # fmt: skip
    costs = re.compile(r"signal_service_(calculation_cost:|feature_profitability|cost_per_user)")
    hourly = [
        expression
        for where, expression in _expressions()
        if where.startswith(("cost.json", "revenue.json")) and costs.search(expression)
    ]
    assert len(hourly) == 10
    assert all("720 * " in expression for expression in hourly)


def test_each_extended_instrument_has_a_row() -> None:
    """Each instrument that the reference service adds has a row."""
    rows = [panel["title"] for panel in BOARDS["extended.json"]["panels"] if panel["type"] == "row"]
    assert [row.partition(":")[0] for row in rows] == [one.prometheus_name for one in contract.extensions()]
    text = json.dumps(BOARDS["extended.json"])
    for one in contract.extensions():
        assert one.series_names[0] in text


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: _expr.selector("signal_service.api.request"), r"no instrument"),
        (lambda: _expr.rate("signal_service.api.requests", by=("tier",)), r"has no label tier"),
        (lambda: _expr.recorded("API_P95S"), r"did you mean API_P95"),
        (lambda: _expr.recorded("API_P95", 'endpoint="/"'), r"API_P95 has no label endpoint"),
        (lambda: _pipeline.by("otelcol_receiver_refused_span"), r"did you mean otelcol_receiver_refused_spans"),
        (lambda: _pipeline.by("otelcol_process_memory_rss", "host"), r"has no label host"),
    ],
)  # fmt: skip
def test_a_misspelt_name_is_refused(make: Any, message: str) -> None:
    """An unknown name is an error that suggests the nearest name."""
    with pytest.raises(ContractError, match=message):
        make()


def test_a_user_s_own_instruments_get_rows(tmp_path: Path) -> None:
    """Instruments of a module given with `--import` get a row each, for all kinds of instruments."""
    (tmp_path / "orders.py").write_text(
        "from signalscope import contract\n"
        "from signalscope.contract import Attribute, Instrument, Kind\n"
        "side = Attribute('side', 'Buy or sell.', ('buy', 'sell'))\n"
        "contract.extend(\n"
        "    Instrument('orders.placed', Kind.COUNTER, '{order}', 'Orders placed.', 'me', (side,)),\n"
        "    Instrument('orders.open', Kind.UPDOWNCOUNTER, '{order}', 'Orders open.', 'me'),\n"
        "    Instrument('orders.risk', Kind.GAUGE, '', 'Risk taken.', 'me', (side,)),\n"
        "    Instrument('orders.fill', Kind.HISTOGRAM, 's', 'Time to fill.', 'me', (side,), (0.1, 1.0)),\n"
        ")\n", encoding="utf-8",
    )  # fmt: skip
    command = [sys.executable, "-m", "signalscope", "--import", "orders", "generate", "--out", "out"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    board = json.loads((tmp_path / "out" / "dashboards" / "extended.json").read_text(encoding="utf-8"))
    rows = [panel["title"].partition(":")[0] for panel in board["panels"] if panel["type"] == "row"]
    assert rows[-4:] == ["orders_placed_total", "orders_open", "orders_risk", "orders_fill_seconds"]
    own = [panel for panel in _panels(board) if "orders_" in json.dumps(panel["targets"])]
    assert {panel["title"] for panel in own} >= {
        "How many orders per second?", "How many orders by side?", "How many orders are there?",
        "How high is the risk?", "How high is the risk by side?", "What are p50, p95 and p99?",
    }  # fmt: skip
    done = subprocess.run(
        [*command[:4], "order", *command[5:]], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "there is neither a file nor a package 'order'" in done.stderr


def test_grafana_is_given_what_the_dashboards_need() -> None:
    """docker-compose mounts the provisioned folder, and exemplars link to the trace backend."""
    folder = binaries.ROOT / "deploy" / "compose" / "grafana"
    (provider,) = yaml.safe_load((folder / "dashboards.yaml").read_text(encoding="utf-8"))["providers"]
    compose = yaml.safe_load((binaries.ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    assert (
        f"./deploy/demo/dashboards:{provider['options']['path']}:ro"
        in compose["services"]["grafana"]["volumes"]
    )
    assert provider["allowUiUpdates"] is False
    sources = yaml.safe_load((folder / "datasources.yaml").read_text(encoding="utf-8"))["datasources"]
    by_type = {source["type"]: source for source in sources}
    (destination,) = by_type["prometheus"]["jsonData"]["exemplarTraceIdDestinations"]
    assert destination == {"name": "trace_id", "datasourceUid": by_type["jaeger"]["uid"]}
    assert by_type["prometheus"]["jsonData"]["timeInterval"] == f"{Config().pipeline.scrape}s"


def test_money_is_in_the_configured_currency() -> None:
    """All monetary panels use the configured currency."""
    changed = files(Config.model_validate({"dashboards": {"currency": "EUR"}}), HEADER)
    assert sum(text.count('"currencyEUR"') for text in changed.values()) > 10
    assert not any("currencyUSD" in text or '"currency"' in text for text in changed.values())


def test_the_documentation_shows_every_dashboard() -> None:
    """The documentation shows each dashboard during a fault, and links to its other states; pictures are small."""
    docs = binaries.ROOT / "docs"
    text = (docs / "dashboards.md").read_text(encoding="utf-8")
    for board in boards(Config()):
        assert f"### {board.title}\n\n![{board.title}](images/{board.key}.png" in text
        assert f"![{board.title}](images/{board.key}-light.png" in text
        for picture in (docs / "images" / f"{board.key}{theme}.png" for theme in ("", "-light")):
            assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
            assert picture.stat().st_size < 220_000, picture
        with_history = ("with history",) * (board.key in {"capacity", "revenue"})
        for state in ("young", "healthy", "empty", *with_history):
            path = f"images/states/{board.key}-{state.removeprefix('with ')}.webp"
            assert f"[{state}]({path})" in text
            assert (docs / path).read_bytes()[8:12] == b"WEBP"
            assert (docs / path).stat().st_size < 220_000, path


def test_a_file_of_a_user_is_never_overwritten(tmp_path: Path) -> None:
    """If a file of the user has the path of a generated one, no file is written."""
    mine = tmp_path / "dashboards" / "cost.json"
    mine.parent.mkdir()
    mine.write_text('{"title": "My own"}', encoding="utf-8")
    message = r"not a generated file; move it, or choose another folder with --out \[SS602\]: .*cost.json"
    with pytest.raises(FileExistsError, match=message):
        generate(Config(), tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [mine]
    mine.unlink()
    assert len(generate(Config(), tmp_path)) > len(BOARDS)
    assert generate(Config.model_validate({"thresholds": {"api_p95_seconds": 3.5}}), tmp_path)
