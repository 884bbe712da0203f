"""The tier and the id of the user that work is done for, stored in context variables.

The tier becomes the attribute `user_tier`. The user id never becomes an attribute of a metric. It is counted in a
sketch of distinct users; if SIGNALSCOPE_HASH_SALT is set, its hash is added to the current span.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass

from opentelemetry import baggage, context, trace
from opentelemetry.trace import Span

from signalscope.recording import internal_error
from signalscope.recording._attribute_limits import as_text
from signalscope.users import _active as _active_users

#: The tier of work outside `user_context`, and of a user whose tier is not known.
UNKNOWN = "unknown"
#: The span attribute with the tier.
TIER_ATTRIBUTE = "user_tier"
#: The baggage entry with the tier, sent to and received from other services.
BAGGAGE = "signalscope.user_tier"


@dataclass(slots=True)
class Caller:
    """The user that work is done for.

    Attributes:
        tier: The subscription tier.
        user: The user id, if known; it is never sent to another process.
        span: The span of the request, around spans of its parts; None outside of requests.
    """

    tier: str = UNKNOWN
    user: str | None = None
    span: Span | None = None


_caller: ContextVar[Caller | None] = ContextVar("signalscope_caller", default=None)
_watcher: ContextVar[Caller | None] = ContextVar("signalscope_caller_watcher", default=None)


@contextmanager
def user_context(tier: str = UNKNOWN, user: str | None = None, *, propagate: bool = False) -> Iterator[None]:
    """Set the user that the work inside the block is done for.

    The block may contain `await`: tasks and `asyncio.to_thread` calls that start inside it inherit the context.

    Args:
        tier: The subscription tier of the user, one of the contract's values of ``user_tier``. Another value is
            recorded as ``other`` and counted in `signalscope.attribute.overflow`.
        user: The user id. It is counted in `signal_service.active_users` and never becomes an attribute of a metric.
            If SIGNALSCOPE_HASH_SALT is set, the current span gets ``user.hash``, an HMAC-SHA256 of the id.
        propagate: True sends the tier as W3C baggage with outgoing requests. Use False if the block calls services
            of other companies.

    Examples:
        >>> from signalscope import count_feature, user_context
        >>> from signalscope.testing import capture
        >>> with capture() as captured:
        ...     with user_context(tier="professional", user="user-17"):
        ...         count_feature("option_calculator")
        ...     captured.value("signal_service_feature_usage_total", user_tier="professional")
        1
    """
    caller = Caller()
    token = _caller.set(caller)
    attached = None
    try:
        try:
            caller.tier = as_text(tier or UNKNOWN)
            caller.user = None if user is None else str(user)
            _notice(caller)
            if propagate:
                attached = context.attach(baggage.set_baggage(BAGGAGE, caller.tier))
        except Exception:  # an error of signalscope must not reach the caller
            internal_error("user_context")
        yield
    finally:
        # The block can end in another context than it began in: FastAPI runs the two halves of a dependency with
        # `yield` in two threads. Then there is nothing to reset.
        with suppress(ValueError):
            _caller.reset(token)
            if attached is not None:
                context.detach(attached)


@contextmanager
def watch_caller() -> Iterator[Caller]:
    """Yield a `Caller` that gets the tier and the user of each `user_context` inside the block.

    An outer middleware cannot read the context variables that an inner middleware sets, so it uses this object.
    """
    seen = Caller(current_tier(), span=trace.get_current_span())
    token = _watcher.set(seen)
    try:
        yield seen
    finally:
        _watcher.reset(token)


def current_tier() -> str:
    """Return the tier of the user that the present work is done for.

    Returns:
        The tier from `user_context`, otherwise from the baggage of the request, otherwise ``unknown``.

    Examples:
        >>> from signalscope import current_tier, user_context
        >>> with user_context(tier="basic"):
        ...     current_tier()
        'basic'
        >>> current_tier()
        'unknown'
    """
    caller = _caller.get()
    if caller is not None:
        return caller.tier
    tier = baggage.get_baggage(BAGGAGE)
    return tier if isinstance(tier, str) and tier else UNKNOWN


def current_user() -> str | None:
    """Return the id of the user that the present work is done for.

    Returns:
        The id from `user_context`; None if it is not known.

    Examples:
        >>> from signalscope.users import current_user, user_context
        >>> with user_context(tier="basic", user="user-17"):
        ...     current_user()
        'user-17'
    """
    caller = _caller.get()
    return None if caller is None else caller.user


def _notice(caller: Caller) -> None:
    seen = _watcher.get()
    if seen is not None:
        seen.tier, seen.user = caller.tier, caller.user
    spans = [span for span in {trace.get_current_span(), seen and seen.span} if span and span.is_recording()]
    if caller.tier != UNKNOWN:
        for span in spans:
            span.set_attribute(TIER_ATTRIBUTE, caller.tier)
    if caller.user is None:
        return
    _active_users.saw(caller.tier, caller.user)
    salt = os.environ.get("SIGNALSCOPE_HASH_SALT")
    if salt and spans:
        digest = hmac.new(salt.encode(), caller.user.encode(), hashlib.sha256).hexdigest()
        for span in spans:
            span.set_attribute("user.hash", digest)
