"""``signalscope contract``: print every metric in one of three formats."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from signalscope.cli._extensions import load_config
from signalscope.contract._render import render_table, to_markdown, to_semconv_yaml


class Format(StrEnum):
    """An output format of the contract."""

    TABLE = "table"
    MARKDOWN = "markdown"
    SEMCONV = "semconv"


def contract(
    format: Annotated[Format, typer.Option("--format", "-f", help="The output format.")] = Format.TABLE,  # noqa: A002  # the option's name
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="A TOML file that names your own instruments.")
    ] = None,
) -> None:
    """Print every metric with its kind, labels, allowed values and buckets."""
    if config is not None:
        load_config(config)
    if format is Format.TABLE:
        render_table(Console(emoji=False))
    else:
        sys.stdout.write(to_markdown() if format is Format.MARKDOWN else to_semconv_yaml())
