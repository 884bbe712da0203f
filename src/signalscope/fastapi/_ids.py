"""Names of signalscope's operations in OpenAPI, which no operation of the application's has."""

from __future__ import annotations

import re

from fastapi.routing import APIRoute

__all__ = ["unique_id"]


def unique_id(route: APIRoute) -> str:
    """An operation id of its own for each path."""
    return "signalscope_" + re.sub(r"\W", "_", f"{route.name}{route.path_format}")
