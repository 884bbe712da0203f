"""The dashboards that the console draws: files of Grafana's JSON, or what the config gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from signalscope.config import Config
from signalscope.mixin import dashboards
from signalscope.mixin.generate import HEADER

#: The dashboard that the console opens with, where it is one of them.
_HOME = "signalscope-operations"
#: The order of the list; others come after them.
_ORDER = (
    "executive", "operations", "developer", "capacity", "revenue", "experience", "cost", "telemetry", "extended",
)  # fmt: skip
#: What a dashboard must have.
_KINDS = {"uid": str, "title": str, "panels": list}


class BoardError(ValueError):
    """Dashboards that cannot be used; the message names the file and the reason."""


class Boards:
    """Dashboards by their uids.

    Args:
        boards: The dashboards.
    """

    def __init__(self, boards: list[dict[str, Any]]) -> None:
        ranks = {f"signalscope-{key}": rank for rank, key in enumerate(_ORDER)}
        ordered = sorted(boards, key=lambda board: (ranks.get(board["uid"], len(ranks)), board["title"]))
        self._by_uid = {board["uid"]: board for board in ordered}

    @property
    def home(self) -> str | None:
        """The uid of the one to open with; None when there are none."""
        return _HOME if _HOME in self._by_uid else next(iter(self._by_uid), None)

    def list(self) -> list[dict[str, str]]:
        """Uid, title and description of each."""
        return [
            {"uid": uid, "title": board["title"], "description": board.get("description", "")}
            for uid, board in self._by_uid.items()
        ]

    def get(self, uid: str) -> dict[str, Any] | None:
        """One of them; None when there is no such one."""
        return self._by_uid.get(uid)


def from_folder(folder: Path) -> Boards:
    """The dashboards in a folder's JSON files.

    Args:
        folder: The folder.

    Raises:
        BoardError: There are none, or one is no dashboard.
    """
    if not folder.is_dir():
        raise BoardError(f"{folder}: there is no such folder")
    boards: list[dict[str, Any]] = []
    files: dict[str, Path] = {}
    for path in sorted(folder.glob("*.json")):
        board = _read(path)
        first = files.setdefault(board["uid"], path)
        if first is not path:
            raise BoardError(f"{path}: {first.name} has the uid {board['uid']!r} too; give it one of its own")
        boards.append(board)
    if not boards:
        raise BoardError(
            f"{folder}: there are no dashboards (*.json) in it; `signalscope generate` writes them"
        )
    return Boards(boards)


def from_config(config: Config) -> Boards:
    """Return the dashboards that a configuration gives."""
    return Boards([json.loads(text) for text in dashboards.files(config, HEADER).values()])


def _read(path: Path) -> dict[str, Any]:
    try:
        board: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BoardError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise BoardError(f"{path}: not JSON: {error}") from None
    lacking = [key for key in _KINDS if not isinstance(board, dict) or not board.get(key)]
    if lacking:
        raise BoardError(f"{path}: no dashboard of Grafana: it has no {', '.join(lacking)}")
    for key, kind in _KINDS.items():
        if not isinstance(board[key], kind):
            problem = "is no text" if kind is str else "are no list"
            raise BoardError(f"{path}: no dashboard of Grafana: its {key} {problem}")
    return board
