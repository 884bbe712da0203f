"""The integrations of this package, and the page of the documentation about them."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

from signalscope import contract, instrumentation
from signalscope.instrumentation._base._instrumentor import Library

#: Kinds in the order of the page, each with its title.
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

```sh
pip install signalscope
OTEL_SERVICE_NAME=signal-service OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 \\
  opentelemetry-instrument uvicorn my.service:app
```

The launcher finds an instrumentor for each library below. A library is patched when the program imports it,
before anybody gets a name of it; nothing is imported that the program does not import itself.
`opentelemetry-instrument` works in front of `python script.py`, `python -m package`, `uvicorn` (with
`--workers` and `--reload` too) and `gunicorn -k uvicorn.workers.UvicornWorker`. Without the launcher, an
instrumentor is switched on in code, before or after the library is imported:

```python
from signalscope.instrumentation.vollib import VollibInstrumentor

VollibInstrumentor().instrument()
```

Functions of your own are measured by a [targets file](targets.md). The official instrumentors, which make the spans
of requests, clients, databases, Redis and Celery, come with `pip install 'signalscope[libraries]'` or
`opentelemetry-bootstrap`; what signalscope adds beside them works without them too, and whether or not a span is
sampled. How caches, queues, breakers and services are called is set by
[four variables](configuration.md#names-of-caches-queues-breakers-and-services).

* **One calculation counts once.** What a measured calculation calls inside, of the same library or of another,
  is a part of it. That holds for decorated calculations too: a chain that calls vollib for each option is one
  `chain`. A calculation that hands its work to threads of a pool is left by the calls in there, which count by
  themselves.
* **Values are untouched**: results, exceptions, signatures. What instrumentation itself fails at is counted in
  `signalscope_internal_errors_total`.
* **Versions** are checked for each library. One that is missing, or too old or too new, is not instrumented;
  the log says so at level INFO (logger `signalscope`).
* **Switching off**: `OTEL_PYTHON_DISABLED_INSTRUMENTATIONS` takes the names in the tables, with commas. Inside
  OpenTelemetry's `suppress_instrumentation()` nothing is measured.
* **Reversible**: `uninstrument()` puts the very objects back that were there before, also where other modules
  hold them by name. What holds them otherwise (an element of a list, a default argument) keeps a wrapper that
  only passes through.
* **Hooks**: `instrument(request_hook=..., response_hook=...)`. The first gets the span, the positional and the
  keyword arguments before a measured call, the second the span and the result after it. They are called where
  there is a recording span. `instrument(span="never")` (or
  `SIGNALSCOPE_LIBRARY_SPANS=never`) makes no spans, `span="always"` also roots; the default
  is a child where the current span is recording. Instrumentors of caches, queues, breakers, tasks, clients and
  databases make no spans and call no hooks: spans and their hooks are the official instrumentors' business.
* **What the program says itself is not said again**: inside of `@instrument_cache` no cache library is measured (and
  a cache of cachetools that such calls use is left to them altogether), inside of `@instrument_dependency` no HTTP
  client, and no breaker of a service that has a `BreakerMonitor`.
* **Order** among instrumentors does not matter; one that fails is logged, and stops nothing.
"""


def libraries() -> list[Library]:
    """Return the description of every integration, in the order of the documentation."""
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
