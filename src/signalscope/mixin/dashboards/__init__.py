"""Grafana dashboards, generated from the contract, the table of recorded series and the configuration."""

from __future__ import annotations

from signalscope.config import Config
from signalscope.mixin.dashboards import (
    capacity,
    cost,
    developer,
    executive,
    experience,
    extended,
    operations,
    revenue,
    telemetry,
)
from signalscope.mixin.dashboards._board import TAG, rendered
from signalscope.mixin.dashboards._expr import histograms_of
from signalscope.mixin.dashboards._model import Board

__all__ = ["TAG", "boards", "files"]


def boards(config: Config) -> list[Board]:
    """Return all dashboards in display order; those without panels are left out.

    Example:
        >>> boards(Config())[0].title
        'Executive'
    """
    makers = (executive, operations, developer, capacity, revenue, experience, cost, telemetry, extended)
    with histograms_of(config):
        return [board for maker in makers if (board := maker.board(config)).lines]


def files(config: Config, header: str) -> dict[str, str]:
    """Return the JSON of each dashboard, by its file name below ``dashboards/``.

    Args:
        config: The configuration.
        header: The text of the first line of each file.

    Example:
        >>> sorted(files(Config(), "generated"))[:2]
        ['capacity.json', 'cost.json']
    """
    every = boards(config)
    titles = {board.key: board.title for board in every}
    return {f"{board.key}.json": rendered(board, config, header, titles) for board in every}
