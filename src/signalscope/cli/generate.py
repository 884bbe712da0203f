"""``signalscope generate``: write rules, dashboards, runbooks, documentation and server configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from signalscope.cli._errors import UserError, needs_extra
from signalscope.cli._extensions import ConfigOption, load_config

_out = Console(emoji=False)


def generate(
    config: ConfigOption = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to write below.")] = Path(),
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="PATH", help="Write only this folder or file below --out, such as rules."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail if a file is not up to date.")
    ] = False,
) -> None:
    """Write the rules, dashboards, runbooks, documentation and server configuration."""
    with needs_extra("mixin"):
        from signalscope.mixin import generate as generator  # noqa: PLC0415  # its packages are an extra
    loaded = load_config(config)
    try:
        changed = (generator.differences if check else generator.generate)(loaded, out, only or ())
    except generator.SelectionError as error:
        raise UserError(": ".join(("--only", str(error)))) from None
    except OSError as error:
        raise UserError(f"{error.filename}: {error.strerror} [SS706]") from None
    if check and changed:
        raise UserError(f"not up to date: {', '.join(map(str, changed))}; run `signalscope generate` [SS707]")
    for path in changed:
        _out.print(f"wrote {escape(str(path))}", highlight=False, soft_wrap=True)
    if not changed:
        _out.print("Everything is up to date.")
