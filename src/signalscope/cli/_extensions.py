"""Import the user's modules that extend the contract: those of ``--import`` and of the configuration."""

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
    Path | None, typer.Option("--config", "-c", help="A TOML file with your configuration.")
]


def load_config(path: Path | None) -> Config:
    """Load a configuration, and import the modules that its ``[contract]`` section names.

    The modules may be in the current folder, in the folder of the file, or on Python's module search path.

    Args:
        path: A TOML file; None for the defaults.

    Raises:
        UserError: The file is not valid, or a module that it names cannot be imported.
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
                raise UserError(": ".join((where, str(error)))) from None
        return load(path)  # again: a label of the scope must not be one of an instrument that a module added
    except ConfigError as error:
        raise UserError(str(error)) from None


def import_module(name: str, where: str, *folders: Path) -> None:
    """Import a module of the user, with some folders in front of the module search path.

    Args:
        name: The dotted name of the module.
        where: The place that names the module, for error messages.
        folders: Folders to search first.

    Raises:
        UserError: The module does not exist, or raises an exception.
        ContractError: The module extends the contract with something that is not allowed.
    """
    added = [str(folder) for folder in folders]
    sys.path[:0] = added
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise UserError(f"{where}: there is neither a file nor a package {error.name!r} [SS704]") from None
    except ContractError:
        raise
    except SyntaxError as error:
        raise UserError(f"{where}: {error.filename}:{error.lineno}: {error.msg} [SS705]") from None
    except Exception as error:  # the module of the user may raise anything
        last, what = traceback.extract_tb(error.__traceback__)[-1], f"{type(error).__name__}: {error}"
        raise UserError(f"{where}: {last.filename}:{last.lineno}: {what} [SS705]") from None
    finally:
        for folder in added:
            sys.path.remove(folder)
