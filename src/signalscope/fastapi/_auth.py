"""Access to the routes: bearer tokens, and a limit on the requests of each client."""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Annotated

from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from fastapi import HTTPException, Request, Security
from signalscope.config import _environment
from signalscope.fastapi.monitoring._responses import wants_html

_logger = logging.getLogger("signalscope")
_bearer = HTTPBearer(
    auto_error=False, description="One of SIGNALSCOPE_MONITORING_TOKEN.", scheme_name="monitoringToken"
)
Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
#: Clients whose rate is remembered at most.
_CLIENTS = 4_096


class Buckets:
    """A token bucket for each client; the least recently seen are forgotten.

    Args:
        clock: Seconds, monotonic.
        clients: How many to remember.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, clients: int = _CLIENTS) -> None:
        self._clock = clock
        self._clients = clients
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str, rate: float) -> float:
        """Take one token of a client, which has at most the tokens of two seconds.

        Args:
            client: The client.
            rate: Tokens that are added each second.

        Returns:
            0 when there was a token, else the seconds until there is one.
        """
        now, capacity = self._clock(), max(1.0, 2.0 * rate)
        left, then = self._buckets.pop(client, (capacity, now))
        left = min(capacity, left + (now - then) * rate)
        taken = left >= 1.0
        self._buckets[client] = (left - 1.0 if taken else left, now)
        if len(self._buckets) > self._clients:
            self._buckets.popitem(last=False)
        return 0.0 if taken else (1.0 - left) / rate


_buckets = Buckets()


async def admit_to_monitoring(request: Request, credentials: Credentials) -> bool:
    """Admit a request to /monitoring.

    Returns:
        True if user ids may be shown to the client.

    Raises:
        HTTPException: 429, too many requests; 401, no token or a wrong one.
    """
    client = request.client.host if request.client else "unknown"
    wait = _buckets.take(client, _environment.requests_per_second())
    if wait > 0:
        raise HTTPException(429, "too many requests", {"Retry-After": str(int(wait) + 1)})
    return _admit(request, credentials, public=_environment.monitoring_is_public())


async def admit_to_health(request: Request, credentials: Credentials) -> None:
    """Admit a request to /health; see `admit_to_monitoring`. Probes have no rate limit: checks are cached."""
    _admit(request, credentials, public=_environment.health_is_public())


async def admit_to_metrics(request: Request, credentials: Credentials) -> None:
    """Admit a scrape; see `admit_to_monitoring`."""
    _admit(request, credentials, public=_environment.metrics_are_public())


def _admit(request: Request, credentials: HTTPAuthorizationCredentials | None, *, public: bool) -> bool:
    # Servers decode header fields as Latin-1; the client sent bytes.
    secret = credentials.credentials.encode("latin-1", "replace") if credentials else _password(request)
    users, readers = _environment.users_tokens(), _environment.tokens()
    if secret and _is_one_of(secret, users):
        return True
    if public or (secret and _is_one_of(secret, readers)):
        return False
    if not users and not readers:
        _warn_once()
    scheme = 'Basic realm="monitoring"' if wants_html(request) else "Bearer"
    raise HTTPException(401, "a valid bearer token is needed", {"WWW-Authenticate": scheme})


def _is_one_of(secret: bytes, tokens: tuple[str, ...]) -> bool:
    """Compare with every token in constant time.

    Some clients send a token that is not ASCII as UTF-8, others as Latin-1.
    """
    digest = hashlib.sha256(secret).digest()
    is_match = False
    for token in tokens:
        for sent in _as_sent(token):
            is_match |= hmac.compare_digest(digest, hashlib.sha256(sent).digest())
    return is_match


def _as_sent(token: str) -> tuple[bytes, ...]:
    utf_8 = token.encode("utf-8", "surrogateescape")  # the same bytes as in the environment
    try:
        return utf_8, token.encode("latin-1")
    except UnicodeEncodeError:
        return (utf_8,)


def _password(request: Request) -> bytes | None:
    """Return the password of basic authentication, with which a browser sends the token."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(value, validate=True).partition(b":")[2]
    except ValueError:
        return None


@functools.cache
def _warn_once() -> None:
    _logger.warning(
        "signalscope: /monitoring was asked for and nobody may read it: set SIGNALSCOPE_MONITORING_TOKEN, or "
        "SIGNALSCOPE_MONITORING_PUBLIC=true where everybody may"
    )
