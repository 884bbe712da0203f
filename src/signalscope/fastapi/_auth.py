"""Access control of the routes: bearer tokens, and a request rate limit for each client."""

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
    auto_error=False, description="A token of SIGNALSCOPE_MONITORING_TOKEN.", scheme_name="monitoringToken"
)
Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
#: The number of clients whose rate is tracked.
_CLIENTS = 4_096


class Buckets:
    """A token bucket for each client. Above the limit of clients, the least recently seen client is dropped.

    Args:
        clock: Returns the monotonic time in seconds.
        clients: The maximum number of clients.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, clients: int = _CLIENTS) -> None:
        self._clock = clock
        self._clients = clients
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str, rate: float) -> float:
        """Take one token from a client's bucket. A full bucket has the tokens of two seconds.

        Args:
            client: The address of the client.
            rate: The number of tokens added per second.

        Returns:
            0 if a token was taken, otherwise the seconds until the next token.
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
    """Check the request rate and the token of a request to /monitoring.

    Returns:
        True if the token is one of SIGNALSCOPE_MONITORING_USERS_TOKEN, so the answer may contain user ids.

    Raises:
        HTTPException: Status 429: too many requests. Status 401: the token is missing or wrong.
    """
    client = request.client.host if request.client else "unknown"
    wait = _buckets.take(client, _environment.requests_per_second())
    if wait > 0:
        raise HTTPException(429, "too many requests [SS504]", {"Retry-After": str(int(wait) + 1)})
    return _admit(request, credentials, public=_environment.monitoring_is_public())


async def admit_to_health(request: Request, credentials: Credentials) -> None:
    """Check the token of a request to /health, without a rate limit, because the results of checks are cached."""
    _admit(request, credentials, public=_environment.health_is_public())


async def admit_to_metrics(request: Request, credentials: Credentials) -> None:
    """Check the token of a request to /metrics, without a rate limit."""
    _admit(request, credentials, public=_environment.metrics_are_public())


def _admit(request: Request, credentials: HTTPAuthorizationCredentials | None, *, public: bool) -> bool:
    # Servers decode headers as Latin-1; this restores the bytes that the client sent.
    secret = credentials.credentials.encode("latin-1", "replace") if credentials else _password(request)
    users, readers = _environment.users_tokens(), _environment.tokens()
    if secret and _is_one_of(secret, users):
        return True
    if public or (secret and _is_one_of(secret, readers)):
        return False
    if not users and not readers:
        _warn_once()
    scheme = 'Basic realm="monitoring"' if wants_html(request) else "Bearer"
    raise HTTPException(401, "a valid bearer token is needed [SS503]", {"WWW-Authenticate": scheme})


def _is_one_of(secret: bytes, tokens: tuple[str, ...]) -> bool:
    """Return True if the secret is one of the tokens; the time does not depend on which one.

    Some clients encode a token as UTF-8, others as Latin-1; both are accepted.
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
    """Return the password of Basic authentication: browsers send the token this way."""
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
        "signalscope: a request to /monitoring was refused because no token is configured: set "
        "SIGNALSCOPE_MONITORING_TOKEN, or SIGNALSCOPE_MONITORING_PUBLIC=true for access without a token [SS502]"
    )
