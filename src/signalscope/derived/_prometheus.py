"""A client of Prometheus with timeouts and limits, which checks each answer and passes no text of it to clients."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import time
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
from opentelemetry.instrumentation.utils import suppress_instrumentation

from signalscope.derived._vector import Labels
from signalscope.runtime import watch_event_loop
from signalscope.runtime._excuses import explain
from signalscope.runtime._loops import delays

#: Longest answer. An expected answer is much shorter: 60 values of 200 endpoints are half a megabyte.
_MOST_BYTES = 2_000_000
_AT_ONCE = 8
_IGNORED = ("__name__", "job")


class PrometheusError(RuntimeError):
    """Prometheus gave no usable answer; the message is for clients and does not contain the URL.

    Examples:
        >>> from signalscope.derived.read import PrometheusError
        >>> issubclass(PrometheusError, RuntimeError)
        True
    """


@dataclass(frozen=True, slots=True)
class Sample:
    """One series of a result.

    Attributes:
        name: The name of the series; empty for the result of an expression.
        labels: The labels without name and job.
        values: Pairs of Unix time and value, oldest first; one pair for an instant query.
    """

    name: str
    labels: Labels
    values: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a query.

    Attributes:
        samples: The series of the result.
        warned: True if Prometheus warns that the result may be incomplete, because a remote store does not answer.
    """

    samples: list[Sample]
    warned: bool = False


@dataclass(slots=True)
class _Pool:
    """The connections of one event loop, and the limit of concurrent queries."""

    client: httpx.AsyncClient | None = None
    opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    querying: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))


class Prometheus:
    """A client of the HTTP API of Prometheus.

    It has one connection pool for each event loop, because event loops cannot share a pool.
    """

    def __init__(self) -> None:
        self._pools: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Pool] = weakref.WeakKeyDictionary()

    async def instant(self, url: str, query: str, patience: float) -> Answer:
        """Return the result of an instant query.

        Args:
            url: The base URL of Prometheus.
            query: A PromQL expression whose result is a vector.
            patience: Timeout in seconds for the whole query: the wait for a connection, and the answer.

        Raises:
            PrometheusError: Prometheus gave no usable answer.
        """
        return await self._ask(url, "query", {"query": query}, "vector", patience)

    async def range(
        self, url: str, query: str, *, start: float, end: float, step: float, patience: float
    ) -> Answer:
        """Return the result of a range query.

        Args:
            url: The base URL of Prometheus.
            query: A PromQL expression whose result is a vector.
            start: Unix time of the first value.
            end: Unix time of the last value.
            step: Seconds between two values.
            patience: Timeout in seconds for the whole query.

        Raises:
            PrometheusError: Prometheus gave no usable answer.
        """
        times = {"start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:.3f}"}
        return await self._ask(url, "query_range", {"query": query, **times}, "matrix", patience)

    async def close(self) -> None:
        """Close the connections of this event loop; later queries open new ones."""
        try:
            pool = self._pools.pop(asyncio.get_running_loop(), _Pool())
        except RuntimeError:  # not asyncio's event loop: it has no client
            return
        if pool.client is not None:
            await pool.client.aclose()

    async def _ask(
        self, url: str, path: str, parameters: Mapping[str, str], kind: str, patience: float
    ) -> Answer:
        if urlsplit(url).scheme not in ("http", "https"):
            raise PrometheusError("SIGNALSCOPE_PROMETHEUS_URL is not an http or https URL [SS540]")
        began, stage = time.monotonic(), ""
        watch_event_loop()
        try:
            async with asyncio.timeout(patience):
                pool = self._pools.setdefault(asyncio.get_running_loop(), _Pool())
                async with pool.querying:
                    with suppress_instrumentation():
                        form = {**parameters, "timeout": f"{patience:g}s"}
                        stage = "connect to Prometheus"
                        client, stage = await _client(pool), ""
                        body = await _post(client, f"{url}/api/v1/{path}", form)
                        stage = "read the answer of Prometheus"
                        # One at a time: `json.loads` keeps the interpreter's lock until it has finished.
                        async with pool.reading:
                            return await asyncio.to_thread(_read, body, kind)
        except TimeoutError:
            late = delays(began, asyncio.get_running_loop())
            if explain(late, patience):
                late_loop = f"the event loop of this process was {sum(late):.1f} s late"
                raise PrometheusError(f"{late_loop}: Prometheus may have answered [SS552]") from None
            if stage:  # it waits for a thread or for a connection
                raise PrometheusError(f"this process did not {stage} within {patience:g} s [SS553]") from None
            raise PrometheusError(f"Prometheus did not answer within {patience:g} s [SS541]") from None
        except (httpx.ConnectError, httpx.TimeoutException, httpx.UnsupportedProtocol) as error:
            raise PrometheusError(f"Prometheus cannot be reached ({type(error).__name__}) [SS542]") from None
        except httpx.HTTPError as error:
            raise PrometheusError(f"Prometheus' answer broke off ({type(error).__name__}) [SS542]") from None
        except (httpx.InvalidURL, UnicodeError):
            raise PrometheusError("SIGNALSCOPE_PROMETHEUS_URL is not an http or https URL [SS540]") from None


async def _client(pool: _Pool) -> httpx.AsyncClient:
    """Return the client of a pool; the first query creates it, and other queries wait until it exists."""
    async with pool.opening:
        if pool.client is None:
            # In a thread, because the TLS set-up of the client reads files.
            pool.client = await asyncio.to_thread(httpx.AsyncClient, timeout=None)
        return pool.client


async def _post(client: httpx.AsyncClient, url: str, form: Mapping[str, str]) -> bytes:
    # No compression: a small compressed answer could fill the memory.
    plain = {"Accept-Encoding": "identity"}
    async with client.stream("POST", url, data=form, headers=plain) as response:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise PrometheusError("the answer of Prometheus is compressed, against the request [SS544]")
        body = bytearray()
        async for part in response.aiter_raw():
            body += part
            if len(body) > _MOST_BYTES:
                raise PrometheusError("the answer of Prometheus is too long [SS544]")
    if response.status_code not in (200, 400, 422, 503):
        raise PrometheusError(f"Prometheus answered with status {response.status_code} [SS543]")
    return bytes(body)


def _read(body: bytes, kind: str) -> Answer:
    """Return the series of an answer after a check of their form."""
    try:
        answer: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise PrometheusError("the answer of Prometheus is not JSON [SS544]") from None
    if not isinstance(answer, dict) or answer.get("status") != "success":
        problem = answer.get("errorType") if isinstance(answer, dict) else None
        known = problem if problem in ("bad_data", "execution", "timeout", "canceled") else "no success"
        raise PrometheusError(f"Prometheus could not answer ({known}) [SS545]")
    with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError, OverflowError):
        match answer.get("data"):
            case {"resultType": result_type, "result": list(results)} if result_type == kind:
                return Answer([_sample(series, kind) for series in results], bool(answer.get("warnings")))
    raise PrometheusError("the answer of Prometheus has an unexpected form [SS544]")


def _sample(raw: Any, kind: str) -> Sample:
    pairs: Sequence[Any] = raw["values"] if kind == "matrix" else [raw["value"]]
    values = tuple((float(time), float(value)) for time, value in pairs)
    every = {str(name): str(value) for name, value in raw["metric"].items()}
    labels = tuple(sorted((name, value) for name, value in every.items() if name not in _IGNORED))
    finite = tuple((time, value) for time, value in values if math.isfinite(value) and math.isfinite(time))
    return Sample(every.get("__name__", ""), labels, finite)


#: The client of this process.
shared = Prometheus()
