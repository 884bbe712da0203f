"""Commands of ``signalscope`` that have a module of their own, and what they share."""

from __future__ import annotations

from urllib.parse import urlsplit

__all__ = ["UserError", "base_url"]


class UserError(Exception):
    """Something the user can put right; the message says how."""


def base_url(option: str, url: str, example: str) -> str:
    """A server's address, without a slash at its end.

    Args:
        option: The option that it was given with.
        url: What was given.
        example: What it could look like.

    Raises:
        UserError: It is no address of an HTTP server.
    """
    try:
        parts = urlsplit(url)
        whole = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # brackets, or a port that is none
        whole = False
    if not whole:
        raise UserError(f"{option} {url}: write a whole address, for example {example}")
    return url.rstrip("/")
