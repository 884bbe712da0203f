"""Commands of ``signalscope`` that have a module of their own, and what they share."""

from __future__ import annotations

__all__ = ["UserError"]


class UserError(Exception):
    """Something the user can put right; the message says how."""
