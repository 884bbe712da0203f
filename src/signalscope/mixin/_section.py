"""What every section of the configuration has in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Seconds", "Section", "Text", "Window"]

Seconds = Annotated[int, Field(ge=0, le=86_400)]
Window = Annotated[int, Field(ge=15, le=86_400)]
Text = Annotated[str, Field(min_length=1, pattern=r'^[^"\\\n]+$')]


class Section(BaseModel):
    """A table of the TOML file: unknown keys are mistakes, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)
