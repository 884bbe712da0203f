"""Asking Prometheus: with a timeout, without trust in what comes back, and without a word of it to clients."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
from opentelemetry.instrumentation.utils import suppress_instrumentation

from signalscope.derived._vector import Labels

#: More than this is no answer to what is asked here: 60 values of 200 endpoints are half a megabyte.
_MOST_BYTES = 2_000_000
_AT_ONCE = 8
_IGNORED = ("__name__", "job")


class PrometheusError(RuntimeError):
    """Prometheus gave no usable answer; the message is for clients, and says nothing of where it is.

    Examples:
        >>> from signalscope.derived.read import PrometheusError
        >>> issubclass(PrometheusError, RuntimeError)
        True
    """


@dataclass(frozen=True, slots=True)
class Sample:
    """One series of a result.

    Attributes:
        name: The name of the series; empty for a calculated one.
        labels: Its labels without name and job.
        values: Unix times and values, oldest first; one of an instant query.
    """

    name: str
    labels: Labels
    values: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a query.

    Attributes:
        samples: Its series.
        warned: Whether Prometheus warns that it may be incomplete, as when a store behind it does not answer.
    """

    samples: list[Sample]
    warned: bool = False


@dataclass(slots=True)
class _Pool:
    """The connections of one event loop, and how many may use them at once."""

    client: httpx.AsyncClient | None = None
    opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    querying: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))


class Prometheus:
    """A client of Prometheus' HTTP API.

    It has one connection pool for each event loop: a pool cannot be shared between them.
    """

    def __init__(self) -> None:
        self._pools: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Pool] = weakref.WeakKeyDictionary()

    async def instant(self, url: str, query: str, patience: float) -> Answer:
        """The result of an instant query.

        Args:
            url: Prometheus' base URL.
            query: A PromQL expression that gives a vector.
            patience: Seconds for everything: waiting, connecting, answering.

        Raises:
            PrometheusError: There is no usable answer.
        """
        return await self._ask(url, "query", {"query": query}, "vector", patience)

    async def range(
        self, url: str, query: str, *, start: float, end: float, step: float, patience: float
    ) -> Answer:
        """The result of a range query; see `instant`.

        Args:
            url: As for `instant`.
            query: As for `instant`.
            start: Unix time of the first value.
            end: Unix time of the last one.
            step: Seconds between two values.
            patience: As for `instant`.

        Raises:
            PrometheusError: There is no usable answer.
        """
        times = {"start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:.3f}"}
        return await self._ask(url, "query_range", {"query": query, **times}, "matrix", patience)

    async def close(self) -> None:
        """Close this event loop's connections; later queries open others."""
        try:
            pool = self._pools.pop(asyncio.get_running_loop(), _Pool())
        except RuntimeError:  # another kind of event loop, which never had a client
            return
        if pool.client is not None:
            await pool.client.aclose()

    async def _ask(
        self, url: str, path: str, parameters: Mapping[str, str], kind: str, patience: float
    ) -> Answer:
        if urlsplit(url).scheme not in ("http", "https"):
            raise PrometheusError("SIGNALSCOPE_PROMETHEUS_URL is no http or https URL")
        try:
            async with asyncio.timeout(patience):
                pool = self._pools.setdefault(asyncio.get_running_loop(), _Pool())
                async with pool.querying:
                    with suppress_instrumentation():
                        form = {**parameters, "timeout": f"{patience:g}s"}
                        body = await _post(await _client(pool), f"{url}/api/v1/{path}", form)
                        # One at a time: the interpreter's lock is not given up while JSON is read.
                        async with pool.reading:
                            return await asyncio.to_thread(_read, body, kind)
        except TimeoutError:
            raise PrometheusError(f"Prometheus did not answer within {patience:g} s") from None
        except (httpx.ConnectError, httpx.TimeoutException, httpx.UnsupportedProtocol) as error:
            raise PrometheusError(f"Prometheus cannot be reached ({type(error).__name__})") from None
        except httpx.HTTPError as error:
            raise PrometheusError(f"Prometheus' answer broke off ({type(error).__name__})") from None
        except (httpx.InvalidURL, UnicodeError):
            raise PrometheusError("SIGNALSCOPE_PROMETHEUS_URL is no http or https URL") from None


async def _client(pool: _Pool) -> httpx.AsyncClient:
    """Return the client of a pool; the first query makes it, and the others wait for that."""
    async with pool.opening:
        if pool.client is None:
            # Its TLS set-up reads files: not in the event loop.
            pool.client = await asyncio.to_thread(httpx.AsyncClient, timeout=None)
        return pool.client


async def _post(client: httpx.AsyncClient, url: str, form: Mapping[str, str]) -> bytes:
    # A few compressed bytes can be very many.
    plain = {"Accept-Encoding": "identity"}
    async with client.stream("POST", url, data=form, headers=plain) as response:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise PrometheusError("Prometheus' answer is compressed, which was not asked for")
        body = bytearray()
        async for part in response.aiter_raw():
            body += part
            if len(body) > _MOST_BYTES:
                raise PrometheusError("Prometheus' answer is too long")
    if response.status_code not in (200, 400, 422, 503):
        raise PrometheusError(f"Prometheus answered with status {response.status_code}")
    return bytes(body)


def _read(body: bytes, kind: str) -> Answer:
    """The series of an answer, each checked."""
    try:
        answer: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise PrometheusError("Prometheus' answer is not JSON") from None
    if not isinstance(answer, dict) or answer.get("status") != "success":
        problem = answer.get("errorType") if isinstance(answer, dict) else None
        known = problem if problem in ("bad_data", "execution", "timeout", "canceled") else "no success"
        raise PrometheusError(f"Prometheus could not answer ({known})")
    with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError, OverflowError):
        match answer.get("data"):
            case {"resultType": result_type, "result": list(results)} if result_type == kind:
                return Answer([_sample(series, kind) for series in results], bool(answer.get("warnings")))
    raise PrometheusError("Prometheus' answer is not what was asked for")


def _sample(raw: Any, kind: str) -> Sample:
    pairs: Sequence[Any] = raw["values"] if kind == "matrix" else [raw["value"]]
    values = tuple((float(time), float(value)) for time, value in pairs)
    every = {str(name): str(value) for name, value in raw["metric"].items()}
    labels = tuple(sorted((name, value) for name, value in every.items() if name not in _IGNORED))
    finite = tuple((time, value) for time, value in values if math.isfinite(value) and math.isfinite(time))
    return Sample(every.get("__name__", ""), labels, finite)


#: The process' own.
shared = Prometheus()
