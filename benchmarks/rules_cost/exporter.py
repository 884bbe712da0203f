"""Pages of many instances: every instrument of the contract, with changing counters."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import signalscope.demo.service.instruments  # noqa: F401  # the thresholds family
from signalscope import contract
from signalscope.contract import Instrument, Kind

__all__ = ["Exporter", "series_per_instance"]

#: Label sets of each instrument on one instance.
_SETS = 2
#: Counters that do not grow by one each second: processes are not short of CPU on a normal day.
_GROWTH = {"process_cpu_seconds_total": 0.3}


def _label_sets(one: Instrument) -> list[str]:
    """Return some label sets, with the allowed values if the contract lists some."""
    values = [
        [f'{attribute.name}="{value}"' for value in (attribute.values or ("first", "second"))]
        for attribute in one.attributes
    ]
    label_sets = [
        ",".join(labels)
        for labels in itertools.islice(itertools.product(*(some[:2] for some in values)), _SETS)
    ]
    return label_sets or [""]


def _lines() -> Iterator[tuple[str, float]]:
    """Return each series with its growth for each second (0: a gauge)."""
    for one in contract.instruments():
        for labels in _label_sets(one):
            if one.kind is Kind.HISTOGRAM:
                boundaries = [*(f"{bucket:g}" for bucket in one.buckets or ()), "+Inf"]
                for number, boundary in enumerate(boundaries, 1):
                    more = f'{labels},le="{boundary}"' if labels else f'le="{boundary}"'
                    yield f"{one.prometheus_name}_bucket{{{more}}}", number
                yield f"{one.prometheus_name}_sum{{{labels}}}", 1.0
                yield f"{one.prometheus_name}_count{{{labels}}}", float(len(boundaries))
            else:
                growth = _GROWTH.get(one.prometheus_name, 1.0) if one.kind is Kind.COUNTER else 0.0
                yield f"{one.prometheus_name}{{{labels}}}", growth


def series_per_instance() -> int:
    """Return the number of series of an instance."""
    return sum(1 for _ in _lines())


class Exporter:
    """A server whose page, at every path, is that of one instance; it is rendered at most once a second."""

    def __init__(self) -> None:
        self._lines = list(_lines())
        self._began = time.monotonic()
        self._page: tuple[int, bytes] = (-1, b"")
        self._lock = threading.Lock()
        exporter = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                page = exporter.page()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def page(self) -> bytes:
        """Return the current page."""
        now = int(time.monotonic() - self._began)
        with self._lock:
            if self._page[0] != now:
                text = "".join(f"{name} {1 + now * growth:g}\n" for name, growth in self._lines)
                self._page = (now, text.encode())
            return self._page[1]

    def close(self) -> None:
        """Stop the server."""
        self._server.shutdown()
        self._server.server_close()
