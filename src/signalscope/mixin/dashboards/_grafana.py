"""Upload of dashboards to Grafana through its HTTP API, without overwriting changes of users.

`push` saves each version with a message that contains a hash of the content. A user has
changed a dashboard if its latest version has another message; `push` skips it.
https://grafana.com/docs/grafana/latest/developers/http_api/dashboard/
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import httpx

from signalscope._version import __version__

#: The uid and title of the dashboards' folder.
FOLDER = "signalscope"
_PUSHED = re.compile(r"signalscope \S+, content [0-9a-f]{12}\Z")

State = Literal["created", "updated", "unchanged", "kept"]


class GrafanaError(RuntimeError):
    """Grafana rejected a request or does not answer; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result for one dashboard.

    Attributes:
        title: The title of the dashboard.
        state: ``kept`` means that a user has changed the dashboard, and it was skipped.
        detail: The address of the dashboard, or the reason why it was kept.
    """

    title: str
    state: State
    detail: str


def payload(board: dict[str, Any], folder: str = FOLDER, version: int | None = None) -> dict[str, Any]:
    """Return the body of ``POST /api/dashboards/db`` for a dashboard.

    Args:
        board: The dashboard.
        folder: The uid of the folder.
        version: The version to replace; None for a new dashboard.

    Example:
        >>> payload({"title": "My own"})["overwrite"]
        False
    """
    return {
        "dashboard": {**board, "id": None, **({} if version is None else {"version": version})},
        "folderUid": folder,
        "message": _message(board),
        "overwrite": False,
    }


class Grafana:
    """A client of Grafana's HTTP API.

    Args:
        url: The base URL of Grafana.
        token: The token of a service account with permission to write dashboards and folders.
        folder: The uid of the dashboards' folder.
    """

    def __init__(self, url: str, token: str, folder: str = FOLDER) -> None:
        self._url = url.rstrip("/")
        self._folder = folder
        self._client = httpx.Client(
            base_url=self._url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=15,
            follow_redirects=False,
        )

    def __enter__(self) -> Grafana:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def push(
        self, boards: list[dict[str, Any]], *, dry_run: bool = False, replace: bool = False
    ) -> Iterator[Outcome]:
        """Create or update dashboards, one after the other.

        Args:
            boards: The dashboards.
            dry_run: Only compare; do not write.
            replace: Replace dashboards that users have changed, too; Grafana keeps the old version.

        Raises:
            GrafanaError: Grafana rejected a request or does not answer.
        """
        if self._get(f"/api/folders/{self._folder}") is None and not dry_run:
            self._post("/api/folders", {"uid": self._folder, "title": self._folder})
        for board in boards:
            yield self._push(board, dry_run=dry_run, replace=replace)

    def _push(self, board: dict[str, Any], *, dry_run: bool, replace: bool) -> Outcome:
        title, uid = board["title"], board["uid"]
        address = f"{self._url}/d/{uid}"
        saved = self._get(f"/api/dashboards/uid/{uid}")
        if saved is None:
            if not dry_run:
                self._post("/api/dashboards/db", payload(board, self._folder))
            return Outcome(title, "created", address)
        meta, version = saved.get("meta", {}), int(saved["dashboard"].get("version", 0))
        if meta.get("provisioned"):
            return Outcome(title, "kept", f"{address} is provisioned from a file")
        latest = self._latest_message(uid)
        if latest == _message(board):
            return Outcome(title, "unchanged", address)
        if not replace and not _PUSHED.match(latest):
            return Outcome(
                title,
                "kept",
                f"{address} was changed in Grafana (version {version}); save your change under another name, "
                "or use --replace",
            )
        if not dry_run:
            self._post("/api/dashboards/db", payload(board, meta.get("folderUid") or self._folder, version))
        return Outcome(title, "updated", address)

    def _latest_message(self, uid: str) -> str:
        answer: Any = self._get(f"/api/dashboards/uid/{uid}/versions?limit=1") or []
        versions = answer.get("versions", []) if isinstance(answer, dict) else answer
        newest: dict[str, Any] = max(versions, key=lambda version: int(version.get("version", 0)), default={})
        return str(newest.get("message") or "")

    def _get(self, path: str) -> Any:
        """Return the JSON at a path, or None if Grafana answers 404."""
        answer = self._send("GET", path)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        return self._content(answer)

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        return self._content(self._send("POST", path, body))

    def _send(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        try:
            return self._client.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise GrafanaError(f"{self._url} does not answer: {type(error).__name__} [SS630]") from None

    def _content(self, answer: httpx.Response) -> Any:
        ways_out = {
            401: "the token in GRAFANA_TOKEN is not valid",
            403: "the token lacks permission; its service account must be able to write dashboards and folders",
            412: "another user saved the dashboard now, or its title exists in the folder; try again",
        }
        if answer.is_success:
            try:
                return answer.json()
            except ValueError:
                raise GrafanaError(f"{self._url} is not a Grafana API; check the address [SS631]") from None
        reason = ways_out.get(answer.status_code) or _reason(answer)
        if answer.is_redirect:
            reason = f"redirect to {answer.headers.get('location')}; if that is Grafana, use its address"
        raise GrafanaError(f"{self._url}{answer.request.url.path}: {answer.status_code}: {reason} [SS632]")


def _reason(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return answer.reason_phrase


def _message(board: dict[str, Any]) -> str:
    content = {name: value for name, value in board.items() if name not in {"id", "version"}}
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return f"signalscope {__version__}, content {digest[:12]}"
