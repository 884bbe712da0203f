"""``signalscope dashboards``: push the dashboards to Grafana, or print the body of a request to its API."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from signalscope.cli._errors import UserError, base_url, needs_extra
from signalscope.cli._extensions import ConfigOption, load_config

dashboards = typer.Typer(no_args_is_help=True, help="Push the dashboards to Grafana.")
_out = Console(emoji=False, highlight=False, soft_wrap=True)
_Folder = Annotated[
    str, typer.Option(help="The uid of the dashboards' folder; it is created if it does not exist.")
]
_MARKS = {"created": "green", "updated": "green", "unchanged": "dim", "kept": "yellow"}


@dashboards.command()
def push(
    url: Annotated[str, typer.Option(envvar="GRAFANA_URL", help="Grafana's base URL.")],
    config: ConfigOption = None,
    folder: _Folder = "signalscope",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print what would change.")] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Also replace dashboards that were edited in Grafana.")
    ] = False,
) -> None:
    """Create or update the dashboards in Grafana. Set the environment variable GRAFANA_TOKEN to the token.

    Their uids begin with signalscope-, and they have a folder of their own.
    A dashboard that was edited in Grafana is not changed, and the exit status
    is then 1. Grafana keeps the old versions of a dashboard.
    """
    token = _token()
    address = base_url("--url", url, "http://127.0.0.1:3000")
    boards = _boards(config)
    from signalscope.mixin.dashboards._grafana import Grafana, GrafanaError  # noqa: PLC0415  # an extra

    kept = 0
    try:
        with Grafana(address, token, _uid(folder)) as grafana:
            for pushed in grafana.push(boards, dry_run=dry_run, replace=replace):
                would = "would be " if dry_run and pushed.state in {"created", "updated"} else ""
                _out.print(
                    f"[{_MARKS[pushed.state]}]{would}{pushed.state:9}[/] {pushed.title}  {pushed.detail}"
                )
                kept += pushed.state == "kept"
    except GrafanaError as error:
        raise UserError(str(error)) from None
    if kept:
        raise UserError(f"{kept} of {len(boards)} dashboards were edited in Grafana and not replaced [SS709]")


@dashboards.command()
def payload(
    name: Annotated[str, typer.Argument(help="The dashboard: operations, developer, ...")],
    config: ConfigOption = None,
    folder: _Folder = "signalscope",
) -> None:
    """Print the body of `POST /api/dashboards/db` for one dashboard."""
    boards = {board["uid"].removeprefix("signalscope-"): board for board in _boards(config)}
    from signalscope.mixin.dashboards import _grafana  # noqa: PLC0415  # an extra

    if name not in boards:
        raise UserError(f"unknown dashboard {name!r}; choose one of {', '.join(boards)} [SS708]")
    sys.stdout.write(json.dumps(_grafana.payload(boards[name], _uid(folder)), indent=1) + "\n")


def _token() -> str:
    token = os.environ.get("GRAFANA_TOKEN", "").strip()
    if not token:
        raise UserError(
            "GRAFANA_TOKEN is not set; set it to the token of a service account that may write dashboards [SS710]"
        )
    if not re.fullmatch(r"[!-~]+", token):
        raise UserError("GRAFANA_TOKEN has spaces or other invalid characters; copy it again [SS710]")
    return token


def _uid(folder: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", folder):
        raise UserError(f"--folder {folder}: a uid has 1 to 40 letters, digits, - and _ [SS711]")
    return folder


def _boards(config: Path | None) -> list[dict[str, Any]]:
    with needs_extra("mixin"):
        from signalscope.mixin import dashboards as generator  # noqa: PLC0415  # its packages are an extra
        from signalscope.mixin.generate import HEADER  # noqa: PLC0415  # see above
    return [json.loads(text) for text in generator.files(load_config(config), HEADER).values()]
