"""Ids of signalscope's operations in OpenAPI, which differ from those of the application."""

from __future__ import annotations

import re

from fastapi.routing import APIRoute


def unique_id(route: APIRoute) -> str:
    """Return an operation id that only this path has."""
    return "signalscope_" + re.sub(r"\W", "_", f"{route.name}{route.path_format}")
