"""`signalscope dashboards push`: it creates and updates its dashboards, and keeps those that users changed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from typer.testing import CliRunner

from signalscope.cli import app
from signalscope.cli._errors import UserError

_TOKEN = "s3cret-token"
_BOARDS = 9


class FakeGrafana:
    """A replacement for Grafana, which package registries do not have. It stores dashboards with their versions.

    Its responses are those of https://grafana.com/docs/grafana/latest/developers/http_api/dashboard/.
    """

    def __init__(self) -> None:
        self.folders: dict[str, str] = {"general": "General"}
        self.boards: dict[str, dict[str, Any]] = {}
        self.written = 0

    def save(self, body: dict[str, Any]) -> tuple[int, Any]:
        """Answer POST /api/dashboards/db."""
        board, uid = body["dashboard"], body["dashboard"]["uid"]
        if body["folderUid"] not in self.folders:
            return 400, {"message": "folder not found"}
        there = self.boards.get(uid)
        if there and not body["overwrite"] and board.get("version") != there["dashboard"]["version"]:
            return 412, {
                "status": "version-mismatch",
                "message": "The dashboard has been changed by someone else",
            }
        versions = there["versions"] if there else []
        stored = {**board, "id": 1, "version": len(versions) + 1}
        versions = [
            *versions,
            {"version": stored["version"], "message": body.get("message", ""), "data": stored},
        ]
        meta = {"folderUid": body["folderUid"], "provisioned": False}
        self.boards[uid] = {"dashboard": stored, "meta": meta, "versions": versions}
        self.written += 1
        return 200, {"uid": uid, "version": stored["version"], "status": "success"}

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """Return the status and content of a response."""
        path = path.partition("?")[0]
        if method == "POST" and path == "/api/folders":
            self.folders[body["uid"]] = body["title"]
            self.written += 1
            return 200, body
        if method == "POST" and path == "/api/dashboards/db":
            return self.save(body)
        missing = (404, {"message": "not found"})
        if path.startswith("/api/folders/"):
            uid = path.rpartition("/")[2]
            return (200, {"uid": uid}) if uid in self.folders else missing
        uid, _, rest = path.removeprefix("/api/dashboards/uid/").partition("/")
        if uid not in self.boards:
            return missing
        board = self.boards[uid]
        if rest == "versions":
            return 200, {"versions": board["versions"][::-1]}
        return 200, {"dashboard": board["dashboard"], "meta": board["meta"]}


@pytest.fixture
def grafana(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGrafana]:
    """Start the replacement, with its address and token in the environment."""
    fake = FakeGrafana()

    class Handler(BaseHTTPRequestHandler):
        def _reply(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            authorised = self.headers.get("Authorization") == f"Bearer {_TOKEN}"
            status, content = (
                fake.answer(self.command, self.path, body) if authorised else (401, {"message": "no"})
            )
            answer = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            if status == 302:
                self.send_header("Location", "/login")
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = _reply  # noqa: N815  # the base class's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
            """Do not log requests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("GRAFANA_URL", f"http://127.0.0.1:{server.server_address[1]}")
    monkeypatch.setenv("GRAFANA_TOKEN", _TOKEN)
    yield fake
    server.shutdown()
    server.server_close()
    thread.join()


def _push(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["dashboards", "push", *arguments])
    if result.exception is not None:
        raise result.exception
    assert _TOKEN not in result.output
    return result.output


def _someone_saves(fake: FakeGrafana, uid: str) -> None:
    board = {**fake.boards[uid]["dashboard"], "title": "Edited by hand"}
    status, _ = fake.save(
        {"dashboard": board, "folderUid": "signalscope", "message": "my change", "overwrite": False}
    )
    assert status == 200


def test_a_dry_run_writes_nothing(grafana: FakeGrafana) -> None:
    """A dry run prints the changes and writes nothing."""
    assert _push("--dry-run").count("would be created") == _BOARDS
    assert grafana.written == 0


def test_it_creates_then_leaves_alone_what_is_the_same(grafana: FakeGrafana) -> None:
    """Dashboards are created in a separate folder; a second run changes nothing."""
    assert _push().count("created") == _BOARDS
    assert grafana.folders["signalscope"] == "signalscope"
    assert all(board["meta"]["folderUid"] == "signalscope" for board in grafana.boards.values())
    assert all(uid.startswith("signalscope-") for uid in grafana.boards)
    written = grafana.written
    assert _push().count("unchanged") == _BOARDS
    assert grafana.written == written


def test_it_updates_its_own(grafana: FakeGrafana, tmp_path: Any) -> None:
    """A changed threshold creates a new version of the dashboards that show it, and keeps the old version."""
    _push()
    config = tmp_path / "my.toml"
    config.write_text("[thresholds]\napi_p95_seconds = 3.5\n", encoding="utf-8")
    shown = _push("--config", str(config))
    assert "updated   signalscope / Operations" in shown
    assert "unchanged signalscope / Telemetry pipeline" in shown
    operations = grafana.boards["signalscope-operations"]
    assert [version["version"] for version in operations["versions"]] == [1, 2]
    assert "3.5" in json.dumps(operations["dashboard"])


def test_a_changed_dashboard_is_kept(grafana: FakeGrafana, tmp_path: Any) -> None:
    """A changed dashboard is kept with exit status 1; --replace adds a new version."""
    _push()
    _someone_saves(grafana, "signalscope-developer")
    with pytest.raises(UserError, match="1 of 9 dashboards were edited in Grafana and not replaced"):
        _push()
    assert grafana.boards["signalscope-developer"]["dashboard"]["title"] == "Edited by hand"
    assert "updated   signalscope / Developer" in _push("--replace")
    developer = grafana.boards["signalscope-developer"]
    assert [version["data"]["title"] for version in developer["versions"]] == [
        "signalscope / Developer", "Edited by hand", "signalscope / Developer"
    ]  # fmt: skip


def test_a_user_s_dashboard_with_the_same_uid_is_kept(grafana: FakeGrafana) -> None:
    """A dashboard without a message of `push` is kept, and so is one that Grafana provisions from a file."""
    mine = {"uid": "signalscope-cost", "title": "My own", "panels": []}
    grafana.save({"dashboard": mine, "folderUid": "general", "message": "", "overwrite": False})
    with pytest.raises(UserError, match="1 of 9"):
        _push()
    assert grafana.boards["signalscope-cost"]["dashboard"]["title"] == "My own"
    grafana.boards["signalscope-cost"]["meta"]["provisioned"] = True
    with pytest.raises(UserError, match="1 of 9"):
        _push("--replace")
    assert grafana.boards["signalscope-cost"]["dashboard"]["title"] == "My own"


def test_a_save_at_the_same_moment_is_not_overwritten(grafana: FakeGrafana, tmp_path: Any) -> None:
    """Grafana rejects a version that is not the latest, and the error says so."""
    _push()
    answer = grafana.answer

    def raced(method: str, path: str, body: Any) -> tuple[int, Any]:
        if method == "POST":
            _someone_saves(grafana, body["dashboard"]["uid"])
        return answer(method, path, body)

    grafana.answer = raced  # type: ignore[method-assign]  # the moment between reading and writing
    config = tmp_path / "my.toml"
    config.write_text("[thresholds]\napi_p95_seconds = 3.5\n", encoding="utf-8")
    with pytest.raises(UserError, match="412: another user saved the dashboard now"):
        _push("--config", str(config))


def test_errors_are_explained(grafana: FakeGrafana, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing or wrong token, a wrong address and no server are clear errors that do not contain the token."""
    monkeypatch.setenv("GRAFANA_TOKEN", "other-secret")
    with pytest.raises(UserError, match="401: the token in GRAFANA_TOKEN is not valid") as caught:
        _push()
    assert "other-secret" not in str(caught.value)
    with pytest.raises(UserError, match="does not answer: ConnectError"):
        _push("--url", "http://127.0.0.1:1")
    for url in ("127.0.0.1:3000", "http://", "http://[::1", "http://127.0.0.1:99999", "ftp://grafana"):
        with pytest.raises(UserError, match="is not the URL of a server; give one such as"):
            _push("--url", url)
    with pytest.raises(UserError, match="--folder my/folder: a uid has 1 to 40 letters, digits, - and _"):
        _push("--folder", "my/folder")
    for token in ("tökén", "two words", "two\nlines"):
        monkeypatch.setenv("GRAFANA_TOKEN", token)
        with pytest.raises(UserError, match="GRAFANA_TOKEN has spaces or other invalid characters") as caught:
            _push()
        assert token not in str(caught.value)
    monkeypatch.delenv("GRAFANA_TOKEN")
    with pytest.raises(UserError, match="GRAFANA_TOKEN is not set"):
        _push()


def test_a_line_s_end_after_the_token_does_no_harm(
    grafana: FakeGrafana, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A newline after the token, as in a file, is ignored."""
    monkeypatch.setenv("GRAFANA_TOKEN", f"{_TOKEN}\n")
    assert _push("--dry-run").count("would be created") == _BOARDS


def test_a_redirect_says_where_it_leads(grafana: FakeGrafana, monkeypatch: pytest.MonkeyPatch) -> None:
    """A redirect is an error and is not followed, because it would leak the token."""
    monkeypatch.setattr(grafana, "answer", lambda *_: (302, {}))
    with pytest.raises(UserError, match="302: redirect to /login; if that is Grafana, use its address"):
        _push()


def test_the_payload_is_what_the_api_takes(grafana: FakeGrafana) -> None:
    """The printed payload is accepted by the API."""
    grafana.folders["signalscope"] = "signalscope"
    result = CliRunner().invoke(app, ["dashboards", "payload", "operations"])
    body = json.loads(result.output)
    assert body["dashboard"]["id"] is None
    assert body["overwrite"] is False
    assert grafana.save(body)[0] == 200
    unknown = CliRunner().invoke(app, ["dashboards", "payload", "operation"])
    assert "choose one of executive, operations" in str(unknown.exception)
