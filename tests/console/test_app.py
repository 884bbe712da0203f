"""The server of the console: the requests it forwards, the hosts it answers, and its files."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import AsyncIterator
from importlib import resources
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from typer.testing import CliRunner

import signalscope.demo.service.instruments  # noqa: F401  # the thresholds family, an extension of the contract
from signalscope import binaries
from signalscope.cli import app as cli
from signalscope.cli._errors import UserError
from signalscope.config import Config
from signalscope.console import _runbooks
from signalscope.console._boards import BoardError, Boards, from_config, from_folder
from signalscope.console.app import Settings, make_app
from signalscope.mixin.alerts import alerts

_BOARD: dict[str, Any] = {"uid": "mine", "title": "Mine", "panels": [{"id": 1}]}
_STATIC = Path(str(resources.files("signalscope.console"))) / "static"


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """A console whose Prometheus does not answer."""
    runbooks = _runbooks.from_config(Config())
    made = make_app(Settings("http://127.0.0.1:1", Boards([_BOARD]), runbooks=runbooks))
    transport = httpx.ASGITransport(made)
    async with (
        made.router.lifespan_context(made),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as running,
    ):
        yield running


async def test_only_reading_is_passed_on(client: httpx.AsyncClient) -> None:
    """Paths that change Prometheus or show its configuration are refused, and methods other than GET."""
    for path in ("query?query=up", "label/job/values", "query_range", "query_exemplars", "targets", "rules"):
        answer = await client.get(f"/prometheus/api/v1/{path}")
        assert answer.status_code == 502
        assert (
            answer.json()["error"] == "Prometheus does not answer at http://127.0.0.1:1: ConnectError [SS727]"
        )
    for path in (
        "admin/tsdb/delete_series",
        "write",
        "status/config",
        "label/a/b/values",
        "query/../admin/tsdb/snapshot",
    ):
        assert (await client.get(f"/prometheus/api/v1/{path}")).status_code in {403, 404}, path
    for method in ("POST", "PUT", "DELETE"):
        assert (await client.request(method, "/prometheus/api/v1/query")).status_code == 405


async def test_generated_history_is_named() -> None:
    """The page learns the end of the generated history; the page of the parts does not list it as a URL."""
    made = make_app(
        Settings(None, Boards([]), {"generated_until": 1_700_000_000, "service": "http://service"})
    )
    transport = httpx.ASGITransport(made)
    async with (
        made.router.lifespan_context(made),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as running,
    ):
        assert (await running.get("/api/settings")).json()["generated_until"] == 1_700_000_000
        assert (await running.get("/status")).json()["endpoints"] == {"service": "http://service"}


async def test_another_site_s_name_is_refused(client: httpx.AsyncClient) -> None:
    """Another site cannot read through a host name that it points to this machine."""
    assert (await client.get("/api/settings", headers={"Host": "evil.example"})).status_code == 400
    assert (await client.get("/api/settings", headers={"Host": "localhost:8080"})).status_code == 200


async def test_the_page_loads_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    """The page works without the internet, and its content policy says so."""
    page = await client.get("/d/mine")
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    for source in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert source == "data:," or (await client.get(source)).status_code == 200, source
    for script in _STATIC.rglob("*.js"):
        if script.parent.name != "vendor":
            for imported in re.findall(r'from "([^"]+)"', script.read_text(encoding="utf-8")):
                assert (script.parent / imported).is_file(), (script, imported)


async def test_an_unknown_dashboard_is_named(client: httpx.AsyncClient) -> None:
    """The error lists the known dashboards."""
    answer = await client.get("/api/dashboards/yours")
    assert answer.status_code == 404
    assert answer.json()["error"] == "unknown dashboard 'yours'; choose one of mine [SS708]"


async def test_every_alert_s_runbook_is_a_page_here(client: httpx.AsyncClient) -> None:
    """The page is HTML; the list links to all; HTML in a runbook stays text."""
    for alert in alerts(Config()):
        name = alert.annotations(Config())["runbook_url"].rpartition("/")[2].removesuffix(".md")
        page = await client.get(f"/api/runbooks/{name}")
        assert page.text.startswith(f"<h1>{alert.name}</h1>")
        assert "<h2>First response</h2>" in page.text
        assert f'<a href="{name}.md">' in (await client.get("/api/runbooks/README")).text
    assert (await client.get("/runbooks/SignalServiceDown")).status_code == 200
    answer = await client.get("/api/runbooks/Nothing")
    assert answer.status_code == 404
    assert answer.json()["error"] == "unknown runbook 'Nothing'; /runbooks/README lists them [SS708]"
    assert "<script>" not in _runbooks.as_html("# A\n\n<script>alert(1)</script>")


def test_the_chart_library_is_the_one_that_is_noted() -> None:
    """Its version, licence and content match vendor.json, and the folder has no other file."""
    folder = _STATIC / "vendor"
    noted = json.loads((folder / "vendor.json").read_text(encoding="utf-8"))
    assert noted["licence"] == "Apache-2.0"
    assert noted["version"] in (folder / noted["file"]).read_text(encoding="utf-8")[-400:]
    hashes = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.name != "vendor.json"
    }
    assert hashes == noted["sha256"]
    assert noted["file"] in (folder.parents[1] / "page.html").read_text(encoding="utf-8")


def test_the_page_knows_all_that_the_dashboards_use() -> None:
    """The page supports every unit, panel, override and transformation of the generated dashboards."""
    source = {path.name: path.read_text(encoding="utf-8") for path in _STATIC.rglob("*.js")}
    units = set(re.findall(r"^  (\w+)[:,]", source["format.js"].partition("const UNITS")[2], re.MULTILINE))
    kinds = set(re.findall(r"[\w-]+", source["panel.js"].partition("const DRAW = {")[2].partition("}")[0]))
    for listed in from_config(Config()).list():
        board = from_config(Config()).get(listed["uid"]) or {}
        for panel in board["panels"]:
            if panel["type"] == "row":
                continue
            assert panel["type"] in kinds
            assert panel["fieldConfig"]["defaults"]["unit"] in units
            assert {transformation["id"] for transformation in panel.get("transformations") or ()} <= {
                "merge",
                "organize",
            }
            for override in panel["fieldConfig"]["overrides"]:
                assert override["matcher"]["id"] == "byName"
                for change in override["properties"]:
                    assert change["id"] != "unit" or change["value"] in units
                    name = change["id"].removeprefix("custom.")
                    assert name in {"color", "unit", "decimals", "links", "mappings", "thresholds", "lineStyle",
                                    "lineWidth", "fillBelowTo", "fillOpacity", "cellOptions"}  # fmt: skip


def test_dashboards_come_from_a_folder_or_the_config(tmp_path: Path) -> None:
    """The configuration gives the committed dashboards; the console opens with Operations."""
    committed, made = from_folder(binaries.ROOT / "deploy" / "demo" / "dashboards"), from_config(Config())
    assert committed.list() == made.list()
    assert made.home == "signalscope-operations"
    (tmp_path / "one.json").write_text(json.dumps(_BOARD), encoding="utf-8")
    assert from_folder(tmp_path).home == "mine"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"one.json: not JSON: .*line 1"),
        ('{"uid": "a"}', r"one.json: not a Grafana dashboard: it has no title, panels"),
        ("[]", r"it has no uid, title, panels"),
        ('{"uid": "a", "title": "A", "panels": {"b": 1}}', r"one.json: .*'panels' is not a list"),
        ('{"uid": 7, "title": "A", "panels": [{}]}', r"one.json: .*'uid' is not a text"),
        (None, r"the folder has no dashboards"),
    ],
)
def test_files_that_are_no_dashboards_are_named(tmp_path: Path, text: str | None, message: str) -> None:
    """The error has the file and the reason."""
    if text is not None:
        (tmp_path / "one.json").write_text(text, encoding="utf-8")
    with pytest.raises(BoardError, match=message):
        from_folder(tmp_path)


def test_two_dashboards_of_one_uid_are_named(tmp_path: Path) -> None:
    """The console could show only one of the two."""
    for name in ("one.json", "two.json"):
        (tmp_path / name).write_text(json.dumps(_BOARD), encoding="utf-8")
    with pytest.raises(BoardError, match=r"two.json: one.json also has the uid 'mine'"):
        from_folder(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--prometheus", "http://[::1"],
            "is not the URL of a server; give one such as http://127.0.0.1:9090",
        ),
        (
            ["--prometheus", "127.0.0.1:9090"],
            "is not the URL of a server; give one such as http://127.0.0.1:9090",
        ),
        (["--prometheus", "http://127.0.0.1:1", "--dashboards", "/none"], "/none: the folder does not exist"),
        (
            ["--prometheus", "http://127.0.0.1:1", "--traces", "http://jaeger"],
            "put {trace_id} where the id of the trace goes",
        ),
        (["--prometheus", "http://127.0.0.1:1", "--config", "/none.toml"], "/none.toml: No such file"),
    ],
)
def test_mistakes_on_the_command_line(arguments: list[str], message: str) -> None:
    """Each gets one clear error."""
    result = CliRunner().invoke(cli, ["console", *arguments])
    assert isinstance(result.exception, UserError)
    assert message in str(result.exception)
