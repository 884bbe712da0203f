"""The error that the user can correct, and checks that several commands share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit


class UserError(Exception):
    """An error that the user can correct; the message says how."""


@contextmanager
def needs_extra(extra: str) -> Iterator[None]:
    """Say which extra to install if the block imports a missing package.

    Args:
        extra: The extra of signalscope that installs the package.

    Raises:
        UserError: A package is missing.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise UserError(f"{error.name} is missing; pip install 'signalscope[{extra}]' [SS701]") from None


def base_url(option: str, url: str, example: str) -> str:
    """Return the URL of a server without a slash at its end.

    Args:
        option: The option that the user gave it with, for the message.
        url: The URL that the user gave.
        example: A correct URL, for the message.

    Raises:
        UserError: It is not the URL of an HTTP server.

    Example:
        >>> base_url("--url", "http://127.0.0.1:3000/", "http://127.0.0.1:3000")
        'http://127.0.0.1:3000'
    """
    try:
        parts = urlsplit(url)
        whole = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # brackets, or a port that is not a number
        whole = False
    if not whole:
        raise UserError(f"{option} {url} is not the URL of a server; give one such as {example} [SS703]")
    return url.rstrip("/")
