"""The metric reader of `/metrics`, which extends OpenTelemetry's Prometheus reader.

It is installed together with the readers that push, so that every service can also be scraped. It differs from
`PrometheusMetricReader`:

* The OpenMetrics format has the exemplars of histogram buckets.
* A metric or data point that cannot be written is left out; all others are on the page.
* An exponential histogram has its count and its sum.
* The page is valid even if two metrics have the same name.
* The page has no scope labels; the Collector leaves them out too.
* A page of ten thousand series takes a fraction of the time (docs/monitoring-api.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics.export import MetricsData
from prometheus_client import REGISTRY

from signalscope.exposition._group import Group, IncompleteError
from signalscope.exposition._text import Writer, accepted
from signalscope.recording._process_state import ProcessState


class PullReader(PrometheusMetricReader):
    """A metric reader that collects at each scrape.

    `signalscope.configure` and the launcher install it.

    Examples:
        >>> from opentelemetry.sdk.metrics import MeterProvider
        >>> from signalscope.exposition import PullReader
        >>> reader = PullReader()
        >>> provider = MeterProvider([reader], shutdown_on_exit=False)
        >>> provider.get_meter("example").create_counter("orders").add(3)
        >>> b"orders_total" in reader.page("text/plain")
        True
    """

    def __init__(self) -> None:
        super().__init__()
        REGISTRY.unregister(self._collector)
        self._received: list[MetricsData] = []
        self._writer = Writer()
        self._group: Group | None = None
        _current.reader = self

    def join(self, service: str, address: tuple[str, int] | None) -> None:
        """Share the page with the other processes of a service, and serve it.

        Args:
            service: The name of the service.
            address: The host and the port; None if only routes of the application show the page.
        """
        self._group = Group(service, address, self.collected, answer)
        self._group.start()

    def page(self, content_type: str) -> bytes:
        """Collect the metrics and write the page. After a shutdown the page is empty.

        Args:
            content_type: `TEXT` or `OPENMETRICS` of `signalscope.exposition._text`.

        Raises:
            IncompleteError: The metrics of another process of the service are missing.
        """
        # Before the lock is acquired, since the other processes may wait for a snapshot of this one.
        others = self._group.others() if self._group is not None else []
        with _current.lock:  # only one page at a time
            own = self._collected()
            if self._group is not None:
                own = self._group.shown(own)
            return self._writer.write([*own, *others], content_type)

    def collected(self) -> list[MetricsData]:
        """Collect the metrics of this process."""
        with _current.lock:
            return self._collected()

    def _collected(self) -> list[MetricsData]:
        self._received = []
        if _current.reader is self:
            self.collect()
        return self._received

    def _receive_metrics(
        self, metrics_data: MetricsData | None, timeout_millis: float = 10_000, **kwargs: Any
    ) -> None:
        if metrics_data is not None:
            self._received.append(metrics_data)

    #: Several servers can scrape this process, so an exemplar is kept until a newer one replaces it.
    keeps_exemplars = True

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Write a snapshot for the page that the processes of the service share."""
        if self._group is not None:
            self._group.publish()
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Stop collecting: later scrapes get status 503."""
        if self._group is not None:
            self._group.leave()
        if _current.reader is self:
            _current.reader = None


class _Current(ProcessState):
    """The reader of this process, if it has one."""

    reader: PullReader | None = None


_current = _Current()


def current() -> PullReader | None:
    """Return the reader of this process; None if signalscope has not set up the SDK."""
    return _current.reader


def render(accept: str = "") -> tuple[bytes, str] | None:
    """Return the page for one scrape.

    Args:
        accept: The Accept header of the request, which selects the Prometheus text format or OpenMetrics.

    Returns:
        The page and its content type; None if signalscope has not set up the SDK.

    Raises:
        IncompleteError: The metrics of another process of the service are missing.
    """
    reader = _current.reader
    if reader is None:
        return None
    content_type = accepted(accept)
    return reader.page(content_type), content_type


def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer a scrape: a WSGI application."""
    try:
        page = render(environ.get("HTTP_ACCEPT", ""))
        problem = "the process is shutting down [SS507]"
    except IncompleteError as error:
        page, problem = None, str(error)
    if page is None:
        start_response("503 Service Unavailable", [("Content-Type", "text/plain; charset=utf-8")])
        return [f"# {problem}\n".encode()]
    body, content_type = page
    start_response("200 OK", [("Content-Type", content_type), ("Content-Length", str(len(body)))])
    return [body]
