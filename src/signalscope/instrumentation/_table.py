"""The integrations of this package, and the documentation page that describes them."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

from signalscope import contract, instrumentation
from signalscope.instrumentation._base._instrumentor import Library

#: Titles of the kinds, in the order of the page.
_KINDS = {
    "greeks": "Greeks and prices",
    "cache": "Caches",
    "queue": "Queues",
    "task": "Tasks",
    "breaker": "Circuit breakers",
    "dependency": "External services",
    "database": "Databases",
    "api": "API",
    "any": "Your own code",
}
_INTRODUCTION = """\
# Instrumentation without code

<!-- not run: the guide about a service without edits runs the launcher -->
```sh
pip install signalscope
OTEL_SERVICE_NAME=signal-service OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 \\
  opentelemetry-instrument uvicorn my.service:app
```

The launcher finds an instrumentor for each library below. A library is patched when the program imports it,
before the program can use a function of the library. Libraries that the program does not import are not loaded.
`opentelemetry-instrument` works in front of `python script.py`, `python -m package`, `uvicorn` (with
`--workers` and `--reload` too) and `gunicorn -k uvicorn.workers.UvicornWorker`. Without the launcher, switch an
instrumentor on in code, before or after the library is imported:

```python
from signalscope.instrumentation.vollib import VollibInstrumentor

VollibInstrumentor().instrument()
```

Functions of your own are measured by a [targets file](targets.md). The official instrumentors make the spans of
requests, clients, databases, Redis and Celery. Install them with `pip install 'signalscope[libraries]'` or
`opentelemetry-bootstrap`. The metrics of signalscope do not need them, and do not depend on the sampling of spans.
[Four variables](configuration.md#names-of-caches-queues-breakers-and-services) set the names of caches, queues,
breakers and services.

* **One calculation counts once.** A call inside a measured calculation is a part of that calculation, in the same
  library or in another one. That holds for decorated calculations too: a chain that calls vollib for each option is
  one `chain`. If a calculation gives its work to a thread pool, the calls in the pool's threads count separately.
* **Values are untouched**: results, exceptions, signatures. Errors inside the instrumentation itself are counted in
  `signalscope_internal_errors_total`.
* **Versions** are checked for each library. A library that is too old or too new is not instrumented, and the log has
  one line about it (logger `signalscope`). For a missing library the line has the level INFO.
* **Switching off**: set `OTEL_PYTHON_DISABLED_INSTRUMENTATIONS` to names in the table, separated by commas. Inside
  OpenTelemetry's `suppress_instrumentation()` nothing is measured.
* **Reversible**: `uninstrument()` restores the original objects, also in modules that imported them by name. Other
  references (an element of a list, a default argument) keep a wrapper that only calls the original.
* **Hooks**: `instrument(request_hook=..., response_hook=...)`. The request hook gets the span, the positional and the
  keyword arguments before a measured call. The response hook gets the span and the result after it. Both are called
  only if the current span is recording.
* **Spans**: `instrument(span="never")` (or `SIGNALSCOPE_LIBRARY_SPANS=never`) makes no spans. `span="always"` makes
  root spans too. By default, a call gets a child span if the current span is recording. Instrumentors of caches,
  queues, breakers, tasks, clients and databases make no spans and call no hooks: the official instrumentors do.
* **Decorated code is not measured twice**: inside of `@instrument_cache` no cache library is measured, and inside of
  `@instrument_dependency` no HTTP client. A cache of cachetools that a decorated call has used is measured by the
  decorator alone. A breaker is not measured if its service has a `BreakerMonitor`.
* **The order of the instrumentors does not matter.** If an instrumentor fails, the error is logged, and the others
  still work.
"""


def libraries() -> list[Library]:
    """Return the description of every integration, in the order of the documentation page."""
    by_name: dict[str, Library] = {}
    for module in pkgutil.iter_modules(instrumentation.__path__):
        if not module.name.startswith("_"):
            imported = importlib.import_module(f"{instrumentation.__name__}.{module.name}")
            declared = [vars(cls).get("library") for _, cls in inspect.getmembers(imported, inspect.isclass)]
            by_name |= {library.name: library for library in declared if isinstance(library, Library)}
    kinds = list(_KINDS)
    return sorted(by_name.values(), key=lambda library: (kinds.index(library.kind), library.title.lower()))


def page(header: str) -> str:
    """Return the page in Markdown.

    Args:
        header: The first line of a generated file.
    """
    head = ["library", "name", "versions", "tested", "metrics", "spans", "not measured"]
    rows = [head, ["---"] * len(head), *map(_row, libraries())]
    table = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    parts = [f"<!-- {header} -->\n", _INTRODUCTION, table]
    for kind, title in _KINDS.items():
        sections = [_section(library) for library in libraries() if library.kind == kind]
        parts += [f"## {title}\n", *sections] if sections else []
    return "\n".join(parts)


def _row(library: Library) -> list[str]:
    # The anchor that Markdown renderers give a heading.
    anchor = "".join(c for c in library.title.lower() if c.isalnum() or c in " -_").replace(" ", "-")
    metrics = [contract.get(name).prometheus_name for name in library.measures]
    return [
        f"[{library.title}](#{anchor})",
        f"`{library.name}`",
        "<br>".join(f"`{requirement}`" for requirement in library.supports) or "with Python",
        "-" if library.tested is None else " and ".join(dict.fromkeys(library.tested)),
        "<br>".join(f"`{name}`" for name in metrics),
        library.spans,
        " ".join(library.not_measured),
    ]


def _section(library: Library) -> str:
    lines = [
        f"### {library.title}",
        "",
        f"- **Counts as one:** {library.unit}",
        f"- **Spans:** {library.spans}",
    ]
    if library.delegated:
        lines.append(f"- **With:** {library.delegated}, the official instrumentor.")
    lines += [f"- {note}" for note in library.notes]
    return "\n".join(lines) + "\n"
