"""The user's own instruments: modules that ``--import`` or the configuration names are imported before a command."""

from __future__ import annotations

import importlib
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signalscope.cli._errors import UserError, needs_extra
from signalscope.contract import ContractError

if TYPE_CHECKING:
    from signalscope.config import Config

#: The option of the commands that read a configuration.
ConfigOption = Annotated[
    Path | None, typer.Option("--config", "-c", help="A TOML file with your own thresholds.")
]


def load_config(path: Path | None) -> Config:
    """Load a configuration, and import the modules that its ``[contract]`` section names.

    Modules are looked for in the current folder, in the folder of the file, and where Python looks.

    Args:
        path: A TOML file; None for the defaults.

    Raises:
        UserError: The file, or a module that it names, cannot be used.
    """
    with needs_extra("mixin"):
        from signalscope.config import ConfigError, load  # noqa: PLC0415  # pydantic is an extra
        from signalscope.config._errors import line_of  # noqa: PLC0415  # see above
    try:
        config = load(path)
        if path is None or not config.contract.imports:
            return config
        line = line_of(path.read_text(encoding="utf-8"), ["contract", "import"])
        for name in config.contract.imports:
            where = f"{path}:{line}: contract.import: {name}"
            try:
                import_module(name, where, Path.cwd(), path.absolute().parent)
            except ContractError as error:
                raise UserError(f"{where}: {error}") from None
        return load(path)  # again: a label of the scope must not be one of an instrument that a module added
    except ConfigError as error:
        raise UserError(str(error)) from None


def import_module(name: str, where: str, *folders: Path) -> None:
    """Import a module of the user's, also from some folders, as ``python -m`` would.

    Args:
        name: Its dotted name.
        where: What named it, for error messages.
        folders: Where to look first.

    Raises:
        UserError: It is not there, or it raises an exception.
        ContractError: It extends the contract with something that is not allowed.
    """
    added = [str(folder) for folder in folders]
    sys.path[:0] = added
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise UserError(f"{where}: there is no module {error.name!r} here or installed") from None
    except ContractError:
        raise
    except SyntaxError as error:
        raise UserError(f"{where}: {error.filename}:{error.lineno}: {error.msg}") from None
    except Exception as error:  # whatever the user's module does
        last = traceback.extract_tb(error.__traceback__)[-1]
        raise UserError(f"{where}: {last.filename}:{last.lineno}: {type(error).__name__}: {error}") from None
    finally:
        for folder in added:
            sys.path.remove(folder)
