"""The dashboards that the console draws: from files of Grafana's JSON, or from a configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from signalscope.config import Config
from signalscope.mixin import dashboards
from signalscope.mixin.generate import HEADER

#: The dashboard that the console opens with, if it is among the dashboards.
_HOME = "signalscope-operations"
#: The order of the list; other dashboards follow these.
_ORDER = (
    "executive", "operations", "developer", "capacity", "revenue", "experience", "cost", "telemetry", "extended",
)  # fmt: skip
#: The keys that a dashboard must have, and their types.
_KINDS = {"uid": str, "title": str, "panels": list}


class BoardError(ValueError):
    """Dashboards that cannot be used; the message names the file and the reason."""


class Boards:
    """Dashboards by their uids.

    Args:
        boards: The dashboards, as Grafana's JSON.

    Example:
        >>> boards = Boards([{"uid": "orders", "title": "Orders", "panels": []}])
        >>> boards.home
        'orders'
    """

    def __init__(self, boards: list[dict[str, Any]]) -> None:
        ranks = {f"signalscope-{key}": rank for rank, key in enumerate(_ORDER)}
        ordered = sorted(boards, key=lambda board: (ranks.get(board["uid"], len(ranks)), board["title"]))
        self._by_uid = {board["uid"]: board for board in ordered}

    @property
    def home(self) -> str | None:
        """The uid of the dashboard to open with; None without dashboards."""
        return _HOME if _HOME in self._by_uid else next(iter(self._by_uid), None)

    def list(self) -> list[dict[str, str]]:
        """Return the uid, title and description of each dashboard."""
        return [
            {"uid": uid, "title": board["title"], "description": board.get("description", "")}
            for uid, board in self._by_uid.items()
        ]

    def get(self, uid: str) -> dict[str, Any] | None:
        """Return the dashboard with a uid; None if the uid is unknown."""
        return self._by_uid.get(uid)


def from_folder(folder: Path) -> Boards:
    """Read the dashboards of a folder.

    Args:
        folder: The folder; each of its ``*.json`` files is a dashboard.

    Raises:
        BoardError: The folder has no dashboards, a file is not a dashboard, or two have the same uid.
    """
    if not folder.is_dir():
        raise BoardError(f"{folder}: the folder does not exist [SS722]")
    boards: list[dict[str, Any]] = []
    files: dict[str, Path] = {}
    for path in sorted(folder.glob("*.json")):
        board = _read(path)
        first = files.setdefault(board["uid"], path)
        if first is not path:
            raise BoardError(f"{path}: {first.name} also has the uid {board['uid']!r}; change one [SS724]")
        boards.append(board)
    if not boards:
        raise BoardError(
            f"{folder}: the folder has no dashboards (*.json); run `signalscope generate` to write them [SS722]"
        )
    return Boards(boards)


def from_config(config: Config) -> Boards:
    """Return the dashboards that a configuration gives."""
    return Boards([json.loads(text) for text in dashboards.files(config, HEADER).values()])


def _read(path: Path) -> dict[str, Any]:
    try:
        board: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BoardError(f"{path}: {error.strerror} [SS723]") from None
    except ValueError as error:
        raise BoardError(f"{path}: not JSON: {error} [SS723]") from None
    lacking = [key for key in _KINDS if not isinstance(board, dict) or not board.get(key)]
    if lacking:
        raise BoardError(f"{path}: not a Grafana dashboard: it has no {', '.join(lacking)} [SS723]")
    for key, kind in _KINDS.items():
        if not isinstance(board[key], kind):
            problem = "is not a text" if kind is str else "is not a list"
            raise BoardError(f"{path}: not a Grafana dashboard: {key!r} {problem} [SS723]")
    return board
