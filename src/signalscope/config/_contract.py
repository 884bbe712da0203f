"""The user's own instruments: ``[contract]`` of the configuration."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from signalscope.config._section import Section


def _module(name: str) -> str:
    if not all(part.isidentifier() for part in name.split(".")):
        raise ValueError(
            f"{name!r} is not the name of a module; write it as in an import: my_service.instruments"
        )
    return name


def _list(value: Any) -> Any:
    if isinstance(value, str):
        raise ValueError(f'it is a list: import = ["{value}"]')  # noqa: TRY004  # pydantic explains ValueErrors only
    return value


class Contract(Section):
    """Where the user's own instruments come from.

    Attributes:
        imports: Modules that call `signalscope.contract.extend`, in the order in which they are imported; the key is
            ``import``. The commands of ``signalscope`` import them, as with ``--import``; a running service does not.
    """

    imports: Annotated[
        tuple[Annotated[str, AfterValidator(_module)], ...], BeforeValidator(_list), Field(alias="import")
    ] = ()
