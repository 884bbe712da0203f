"""The targets of a game day; this module imports only the standard library, for the options of the command."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Targets:
    """The targets of a game day.

    Attributes:
        detect_seconds: The greatest median time to detect a fault that harms users.
        broken_promises: The greatest number of promised alerts that fire late or not at all.
        false_alarms: The greatest number of alerts that no fault explains.
    """

    detect_seconds: float = 30.0
    broken_promises: int = 0
    false_alarms: int = 0


DEFAULTS = Targets()
