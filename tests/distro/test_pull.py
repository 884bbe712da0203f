"""The page of `/metrics`: exemplars, names, and that one wrong series cannot break the page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parsed

from signalscope import contract, recording
from signalscope.contract import Kind
from signalscope.exposition import _reader as _pull
from signalscope.exposition._text import accepted

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


@pytest.fixture
def provider() -> Iterator[MeterProvider]:
    """Return a provider with the pull reader, behind the recording interface."""
    reader = _pull.PullReader()
    made = MeterProvider(
        [reader],
        Resource({"service.name": "pulled"}),
        shutdown_on_exit=False,
        views=[View(instrument_name="exponential", aggregation=ExponentialBucketHistogramAggregation())],
    )
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
    with recording.redirected(made, [reader], tracer):
        yield made
    reader.shutdown()


def _page(accept: str = OPENMETRICS) -> str:
    page = _pull.render(accept)
    assert page is not None
    return page[0].decode()


def test_every_instrument_has_the_contract_s_name_and_labels(provider: MeterProvider) -> None:
    """A strict parser of OpenMetrics reads every instrument."""
    for one in contract.instruments():
        values = [(attribute.values or ("x",))[0] for attribute in one.attributes]
        recording.get_instrument(one.name).series(*values).record(1)
    labels: dict[str, set[str]] = {}
    for family in parsed(_page()):  # type: ignore[no-untyped-call]  # it has no types
        for sample in family.samples:
            labels.setdefault(sample.name, set()).update(sample.labels)
    for one in contract.instruments():
        for name in one.series_names:
            assert labels[name] - {"le"} == set(one.attribute_names), name


def test_buckets_carry_the_trace_that_was_recorded_last(provider: MeterProvider) -> None:
    """OpenMetrics has trace and span id per bucket; the plain text format does not support exemplars."""
    series = recording.get_instrument("signal_service.background_task").series(
        "exemplified", "low", "success"
    )
    span = TracerProvider(shutdown_on_exit=False).get_tracer("test").start_span("work")
    series.record_under(0.3, span)
    context = span.get_span_context()
    (line,) = [line for line in _page().splitlines() if "exemplified" in line and "# {" in line]
    assert 'le="0.5"' in line
    assert format(context.trace_id, "032x") in line
    assert format(context.span_id, "016x") in line
    (again,) = [line for line in _page().splitlines() if "exemplified" in line and "# {" in line]
    assert again == line, "whoever scrapes next sees it as well"
    assert "# {" not in _page("text/plain")


def test_an_exponential_histogram_shows_its_count_and_sum(provider: MeterProvider) -> None:
    """Its buckets are left out, and the rest of the page is complete."""
    made = provider.get_meter("other").create_histogram("exponential", unit="s")
    assert isinstance(made, Histogram)
    for value in (0.1, 0.2, 4.0):
        made.record(value)
    recording.get_instrument("process.cpu").series().record(1)
    page = _page()
    assert "exponential_seconds_count 3.0" in page
    assert 'exponential_seconds_bucket{le="+Inf"} 3.0' in page
    assert "process_cpu_seconds_total 1.0" in page


def test_names_that_collide_never_make_an_invalid_page(provider: MeterProvider) -> None:
    """For `a.b` and `a_b`, of one kind and of two, the first is shown, the other counted, the page stays valid."""
    meter = provider.get_meter("other")
    meter.create_counter("a.b").add(1, {"key": "x"})
    meter.create_counter("a_b").add(5, {"key": "x"})
    meter.create_up_down_counter("c.d").add(1)
    meter.create_counter("c_d").add(1)
    page = _page()
    families = {family.name: family for family in parsed(page)}  # type: ignore[no-untyped-call]  # see above
    assert [sample.value for sample in families["a_b"].samples] == [1]
    assert len(families["c_d"].samples) == 1
    counted = 'signalscope_internal_errors_total{where="pull.collision"} 2.0'
    assert counted in _page()


def test_attributes_that_collide_share_a_label(provider: MeterProvider) -> None:
    """Their values are joined with `;`; an attribute cannot replace the label of the bucket boundaries."""
    meter = provider.get_meter("other")
    meter.create_counter("collided").add(1, {"a.b": "x", "a_b": "y", "c": "z"})
    meter.create_counter("collided").add(1, {"a_b": "alone"})
    meter.create_histogram("bounded").record(1, {"le": "mine"})
    samples: dict[str, list[dict[str, str]]] = {}
    for family in parsed(_page()):  # type: ignore[no-untyped-call]  # see above
        for sample in family.samples:
            samples.setdefault(sample.name, []).append(sample.labels)
    assert samples["collided_total"] == [{"a_b": "x;y", "c": "z"}, {"a_b": "alone", "c": ""}]
    assert samples["bounded_sum"] == [{"exported_le": "mine"}]


def test_any_text_is_a_label_s_value(provider: MeterProvider) -> None:
    """The text may contain words and characters of the format itself, in counters and in histograms."""
    texts = {"%s %d %%", 'a"b', "a\\b", "a\nb", "{x}", "# EOF", "é\u2028"}
    for text in texts:
        recording.get_instrument("signal_service.database.query").series(text, "table", "select").record(1)
    values = {sample.labels.get("query_type") for family in parsed(_page()) for sample in family.samples}  # type: ignore[no-untyped-call]  # see above
    assert texts <= values
    lines = [line for line in _page().splitlines() if "%s" in line and "_count" in line]
    assert [line.split()[-1] for line in lines] == ["1.0"]


def test_units_and_kinds_are_named_as_the_collector_names_them(provider: MeterProvider) -> None:
    """Seconds, bytes, annotations and counters have the right suffix, and `_total` appears once."""
    meter = provider.get_meter("other")
    meter.create_counter("requests_total", unit="{request}").add(1)
    meter.create_counter("sent", unit="By").add(1)
    meter.create_up_down_counter("open", unit="{connection}").add(1)
    lines = _page().splitlines()
    assert {"requests_total 1.0", "sent_bytes_total 1.0", "open 1.0"} <= set(lines)


def test_attributes_of_any_type_are_text(provider: MeterProvider) -> None:
    """Numbers and booleans become text, and a point may lack a label that others have."""
    counter = provider.get_meter("other").create_counter("typed")
    counter.add(1, {"flag": True, "number": 7})
    counter.add(1, {"flag": False})
    page = _page()
    assert 'typed_total{flag="true",number="7"} 1.0' in page
    assert 'typed_total{flag="false",number=""} 1.0' in page


def test_after_a_shutdown_there_is_no_page() -> None:
    """The page is empty instead of showing an old one."""
    reader = _pull.PullReader()
    assert _pull.current() is reader
    reader.shutdown()
    assert _pull.current() is None
    assert _pull.render() is None


def test_kinds_are_as_the_contract_says(provider: MeterProvider) -> None:
    """Up-down counters are gauges on the page."""
    series = recording.get_instrument("signal_service.concurrent_requests").series("orders")
    series.record(3)
    series.record(-1)
    assert contract.get("signal_service.concurrent_requests").kind is Kind.UPDOWNCOUNTER
    assert 'signal_service_concurrent_requests{endpoint_group="orders"} 2.0' in _page()
    assert "# TYPE signal_service_concurrent_requests gauge" in _page()


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "text/plain"), ("*/*", "text/plain"), ("text/html", "text/plain"),
        ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.9", "text/plain"),
        ("application/openmetrics-text;q=0", "text/plain"),
        ("text/plain, application/openmetrics-text", "text/plain"),
        ("APPLICATION/OPENMETRICS-TEXT, text/plain", "application/openmetrics-text"),
        ("text/plain;q=0.5, application/openmetrics-text;q=0.6", "application/openmetrics-text"),
        # the header of Prometheus 3
        ("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;"
         "version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,"
         "*/*;q=0.1", "application/openmetrics-text"),
    ],
)  # fmt: skip
def test_a_scraper_gets_the_format_that_it_prefers(accept: str, kind: str) -> None:
    """The weights of the Accept header decide; without a known format it is plain text."""
    assert accepted(accept).partition(";")[0] == kind
