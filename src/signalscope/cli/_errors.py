"""Errors that the user can correct, and the checks that several commands share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit


class UserError(Exception):
    """Something the user can put right; the message says how."""


@contextmanager
def needs_extra(extra: str) -> Iterator[None]:
    """Name the extra to install when the block imports a package that is missing.

    Args:
        extra: The extra of signalscope that installs the package.

    Raises:
        UserError: A package is missing.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise UserError(f"{error.name} is not installed; pip install 'signalscope[{extra}]'") from None


def base_url(option: str, url: str, example: str) -> str:
    """Return a server's address without a slash at its end.

    Args:
        option: The option that it was given with.
        url: What was given.
        example: What it could look like.

    Raises:
        UserError: It is not the address of an HTTP server.
    """
    try:
        parts = urlsplit(url)
        whole = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # brackets, or a port that is not a number
        whole = False
    if not whole:
        raise UserError(f"{option} {url}: write a whole address, for example {example}")
    return url.rstrip("/")
