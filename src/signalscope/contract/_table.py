"""The rows of the contract: all built-in instruments with their attributes, allowed values and buckets."""

from __future__ import annotations

from signalscope.contract._model import Attribute, Instrument, Kind

# --- allowed values -------------------------------------------------------------------------------------

CALCULATION_TYPES = ("delta", "gamma", "theta", "vega", "rho", "iv", "price", "chain")
"""Allowed values of the attribute ``calculation_type``."""
MODEL_TYPES = (
    "black", "black_scholes", "black_scholes_merton", "garman_kohlhagen", "bachelier", "heston", "bates", "sabr",
    "short_rate", "discounting", "american_approximation", "binomial", "lattice", "finite_difference", "monte_carlo",
)  # fmt: skip
BATCH_CLASSES = ("1", "2-10", "11-100", "101-1000", "1001+")
OUTCOMES = ("success", "invalid", "error", "cancelled")
#: Why the SDK gave up a span (`recording/_given_up.py`).
GIVEN_UP_REASONS = ("queue_full", "export_failed", "shutdown")
INVALID_REASONS = ("nan", "none", "infinite", "out_of_range", "not_converged")
"""Allowed values of the attribute ``reason`` of an invalid result."""
PRIORITIES = ("critical", "high", "medium", "low")
"""Allowed values of the attribute ``priority`` of a queue item, the most urgent first."""
USER_TIERS = ("free", "basic", "professional", "enterprise", "unknown")
CRITICALITIES = ("critical", "mandatory", "high")
"""Allowed values of ``criticality``: how much of the service depends on a dependency."""
BREAKER_STATES = ("closed", "open", "half_open")
"""Allowed values of the attribute ``state`` of a circuit breaker."""
COMPLEXITIES = ("simple", "standard", "complex")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "_OTHER")
"""Allowed values of the attribute ``method`` of an HTTP request."""

# --- buckets: they contain every limit that a rule compares with ------------------------------------------

API_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 2.0, 3.5, 5.0, 7.5, 10.0, 30.0)
"""Bucket boundaries of the duration of HTTP requests, in seconds."""
GREEKS_BUCKETS = (
    0.000001, 0.000002, 0.000005, 0.00001, 0.000025, 0.0001, 0.00025, 0.001, 0.0025, 0.01, 0.025, 0.1,
    0.25, 0.5, 1.0, 2.0, 5.0, 10.0,
)  # fmt: skip
"""Bucket boundaries of the duration of Greeks calculations, in seconds."""
SIGNAL_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.5, 5.0, 10.0, 30.0)
"""Bucket boundaries of the time to generate a signal, in seconds."""
FAST_BUCKETS = (0.00001, 0.00005, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0)
WAIT_BUCKETS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)
CALL_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
BATCH_BUCKETS = (1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 1e4, 1e5)

# --- attributes -----------------------------------------------------------------------------------------

_ENDPOINT = Attribute("endpoint", "Route template; `unmatched` if no route matched.", cap=200)
_METHOD = Attribute("method", "HTTP request method.", METHODS)
_STATUS = Attribute("status_code", "HTTP response status code, 100 to 599.", cap=70)
_TIER = Attribute("user_tier", "The subscription tier of the caller.", USER_TIERS)
_OPERATION_TYPE = Attribute("operation_type", "The kind of work.", cap=50)
_CALCULATION = Attribute("calculation_type", "What was calculated.", CALCULATION_TYPES)
_VECTORIZED = Attribute(
    "vectorized",
    "`true` if the call prices the whole batch in one array operation.",
    ("true", "false"),
)
_MODEL = Attribute("model_type", "The pricing model.", MODEL_TYPES)
_BATCH = Attribute("batch_size", "The number of options in the call, as a class.", BATCH_CLASSES)
_OUTCOME = Attribute("outcome", "How the work ended.", OUTCOMES)
_REASON = Attribute("reason", "The reason why the result cannot be used.", INVALID_REASONS)
_SIGNAL = Attribute("signal_type", "The kind of signal.", cap=50)
_COMPLEXITY = Attribute("complexity", "The complexity of the work.", COMPLEXITIES)
_SOURCE = Attribute("data_source", "The source of the market data.", cap=20)
_DIRECTION = Attribute("direction", "The action that the signal suggests.", ("buy", "sell", "hold"))
_HORIZON = Attribute("time_horizon", "The time over which the accuracy was measured.", cap=20)
_CACHE = Attribute("cache_type", "The cache: greeks, indicators or another name.", cap=20)
_CACHE_OPERATION = Attribute("operation", "The cache operation.", ("get", "set", "delete"))
_CACHE_RESULT = Attribute("result", "The result of the operation.", ("hit", "miss", "ok", "error"))
_EVICTION = Attribute("reason", "The reason of the eviction.", ("size", "ttl", "explicit"))
_QUEUE = Attribute("queue_type", "The queue.", cap=20)
_PRIORITY = Attribute("priority", "The priority of the item.", PRIORITIES)
_EVENT = Attribute(
    "event", "What happened to the item.", ("enqueued", "processed", "failed", "rejected", "dropped")
)
_QUERY = Attribute("query_type", "The kind of query.", cap=20)
_TABLE = Attribute("table", "The main table.", cap=50)
_DB_OPERATION = Attribute("operation", "The database operation.", ("select", "insert", "update", "delete"))
_TASK = Attribute("task_type", "The kind of task.", cap=50)
_SERVICE = Attribute("service_name", "The external service.", cap=50)
_SERVICE_OPERATION = Attribute("operation", "The operation of the service that is called.", cap=50)
_CRITICALITY = Attribute("criticality", "How much the application depends on the service.", CRITICALITIES)
_ERROR = Attribute("error_type", "The class of the exception, or the HTTP status.", cap=50)
_IMPACT = Attribute("impact_level", "The impact of the error: the criticality of the service.", CRITICALITIES)
_STATE = Attribute("state", "The state of the breaker; the series of the current state is 1.", BREAKER_STATES)
_TO = Attribute("to", "The new state.", BREAKER_STATES)
_CALL_OUTCOME = Attribute(
    "outcome",
    "How the call ended; `late_loop`: the event loop of this process was late meanwhile, so its time says "
    "little of the service.",
    ("success", "error", "cancelled", "late_loop"),
)
_BREAKER_OUTCOME = Attribute(
    "outcome",
    "How the guarded call ended; `late_loop`: it timed out when the event loop of this process was late.",
    ("success", "failure", "rejected", "late_loop"),
)
_DELIVERY = Attribute("delivery_method", "How signals are delivered to the subscriber.", cap=20)
_FEATURE = Attribute("feature", "The product feature.", cap=50)
_WINDOW = Attribute("window", "The time window that ends now.", ("1h", "24h"))
_COMPONENT = Attribute("component", "The checked component.", cap=50)
_GROUP = Attribute(
    "endpoint_group", "The first segment of the route template that is neither `api` nor a version.", cap=50
)
_LIMIT = Attribute("limit_type", "The limit that was exceeded.", cap=20)
_EXECUTOR = Attribute(
    "executor",
    "The thread pool: `default` of the event loop, `anyio` of plain functions, or its given name.",
    cap=20,
)
_THREADS = Attribute(
    "state", "What the threads do; a thread that is not started yet is idle.", ("busy", "idle")
)
_GENERATION = Attribute("generation", "The oldest generation that is collected.", ("0", "1", "2"))
_INSTRUMENT = Attribute("instrument", "The OpenTelemetry name of the instrument.", cap=500)
_KEY = Attribute("attribute", "The key of the attribute.", cap=100)
_GIVEN_UP = Attribute("reason", "Why the span was not exported.", GIVEN_UP_REASONS)
_WHERE = Attribute("where", "The part that failed.", cap=100)

# --- instruments ----------------------------------------------------------------------------------------

_C, _U, _H, _G = Kind.COUNTER, Kind.UPDOWNCOUNTER, Kind.HISTOGRAM, Kind.GAUGE
_Row = tuple[str, Kind, str, str, tuple[Attribute, ...], tuple[float, ...] | None]

#: Name, kind, unit, description, attributes and buckets; by the heading in documents and ``emitted_by``.
_ROWS: dict[tuple[str, str], list[_Row]] = {
    ("API", "signalscope.fastapi (ApiMetrics)"): [
        ("signal_service.api.request.duration", _H, "s", "Time to serve an HTTP request.",
         (_ENDPOINT, _METHOD, _STATUS, _TIER, _OPERATION_TYPE), API_BUCKETS),
        ("signal_service.api.requests", _C, "{request}", "HTTP requests served.",
         (_ENDPOINT, _METHOD, _STATUS, _TIER), None),
        ("signal_service.concurrent_requests", _U, "{request}", "HTTP requests that are being served now.",
         (_GROUP,), None),
        ("signal_service.rate_limit.hits", _C, "{request}", "Requests that a rate limit refused.",
         (_ENDPOINT, _LIMIT), None),
    ],
    ("API", "report_health"): [
        ("signal_service.health_check.status", _G, "",
         "Latest health check: 1 healthy, 0.5 degraded, 0 unhealthy.", (_COMPONENT,), None),
    ],
    ("Greeks", "@instrument_greeks"): [
        ("signal_service.greeks.calculation", _H, "s", "Time of one calculation call, for a batch of any size.",
         (_CALCULATION, _VECTORIZED, _MODEL, _BATCH, _OUTCOME), GREEKS_BUCKETS),
        ("signal_service.greeks.options", _C, "{option}", "Options priced.",
         (_CALCULATION, _VECTORIZED, _MODEL), None),
        ("signal_service.greeks.invalid_results", _C, "{result}",
         "Results that cannot be used, by reason. All values of small arrays are checked, of large arrays a sample.",
         (_REASON, _CALCULATION, _MODEL), None),
        ("signal_service.greeks.checked_results", _C, "{result}",
         "Results that were checked; a calculation of several Greeks has several for one option.",
         (_CALCULATION, _MODEL), None),
        ("signal_service.greeks.batch_options", _H, "{option}", "Options in one calculation call.",
         (_CALCULATION, _VECTORIZED), BATCH_BUCKETS),
    ],
    ("Signals", "@instrument_signal"): [
        ("signal_service.signal.generation", _H, "s", "Time to generate signals in one call.",
         (_SIGNAL, _COMPLEXITY, _SOURCE, _OUTCOME), SIGNAL_BUCKETS),
        ("signal_service.signals.emitted", _C, "{signal}", "Signals emitted.", (_SIGNAL, _DIRECTION), None),
    ],
    ("Signals", "record_accuracy"): [
        ("signal_service.signal.accuracy_ratio", _G, "", "Ratio of signals that were right, 0 to 1.",
         (_SIGNAL, _HORIZON), None),
    ],
    ("Cache", "@instrument_cache"): [
        ("signal_service.cache.operations", _C, "{operation}", "Cache operations.",
         (_CACHE, _CACHE_OPERATION, _CACHE_RESULT), None),
        ("signal_service.cache.hit_ratio", _G, "",
         "Ratio of gets that hit in the last five minutes, 0 to 1; absent without gets.",
         (_CACHE,), None),
        ("signal_service.cache.operation", _H, "s", "Time of one cache operation.",
         (_CACHE, _CACHE_OPERATION), FAST_BUCKETS),
    ],
    ("Cache", "observe_cache"): [
        ("signal_service.cache.entries", _G, "{entry}", "Entries in the cache.", (_CACHE,), None),
        ("signal_service.cache.capacity", _G, "{entry}", "Entries that the cache can hold.", (_CACHE,), None),
        ("signal_service.cache.size", _G, "By", "Bytes of the cached values.", (_CACHE,), None),
    ],
    ("Cache", "count_eviction"): [
        ("signal_service.cache.evictions", _C, "{entry}", "Entries that were evicted from the cache.",
         (_CACHE, _EVICTION), None),
    ],
    ("Queue", "observe_queue"): [
        ("signal_service.queue.size", _G, "", "Items that wait in the queue.", (_QUEUE, _PRIORITY), None),
        ("signal_service.queue.capacity", _G, "{item}", "Items that the queue can hold.", (_QUEUE,), None),
    ],
    ("Queue", "@instrument_queue"): [
        ("signal_service.queue.wait", _H, "s", "Time from enqueue to the start of processing.",
         (_QUEUE, _PRIORITY, _OUTCOME), WAIT_BUCKETS),
        ("signal_service.queue.processing", _H, "s", "Time to process one item.",
         (_QUEUE, _PRIORITY, _OUTCOME), WAIT_BUCKETS),
        ("signal_service.queue.items", _C, "{item}", "Items by event.",
         (_QUEUE, _PRIORITY, _EVENT), None),
    ],
    ("Memory, database and tasks", "observe_memory"): [
        ("signal_service.memory.usage", _G, "By",
         "Bytes in use: `process` is the resident memory of the process; other kinds of work report their own use.",
         (_OPERATION_TYPE,), None),
    ],
    ("Memory, database and tasks", "@instrument_query"): [
        ("signal_service.database.query", _H, "s", "Time of one database query.",
         (_QUERY, _TABLE, _DB_OPERATION), CALL_BUCKETS),
    ],
    ("Memory, database and tasks", "@instrument_task"): [
        ("signal_service.background_task", _H, "s", "Time of one background task.",
         (_TASK, _PRIORITY, _OUTCOME), WAIT_BUCKETS),
    ],
    ("Memory, database and tasks", "signalscope.recording._process"): [
        ("process.cpu", _C, "s", "Total user and system CPU time spent.", (), None),
        ("process.resident_memory", _G, "By", "Resident memory size.", (), None),
    ],
    ("Event loop, threads and garbage collector", "watch_event_loop"): [
        ("signal_service.event_loop.lag", _H, "s",
         "How late an event loop is with a timer that is due every 100 ms; one value for each 100 ms.",
         (), CALL_BUCKETS),
    ],
    ("Event loop, threads and garbage collector", "observe_executor"): [
        ("signal_service.executor.threads", _G, "{thread}", "Threads of the pool.", (_EXECUTOR, _THREADS), None),
        ("signal_service.executor.queued_tasks", _G, "{task}", "Tasks that wait for a thread of the pool.",
         (_EXECUTOR,), None),
    ],
    ("Event loop, threads and garbage collector", "signalscope.runtime"): [
        ("signal_service.gc.pause", _H, "s", "Time that a garbage collection stops the process.",
         (_GENERATION,), FAST_BUCKETS),
    ],
    ("Dependencies", "report_dependency_health"): [
        ("signal_service.external_service.health", _G, "", "Latest probe: 1 healthy, 0 unhealthy.",
         (_SERVICE, _CRITICALITY), None),
    ],
    ("Dependencies", "@instrument_dependency"): [
        ("signal_service.external_service.duration", _H, "s", "Time of one call to an external service.",
         (_SERVICE, _SERVICE_OPERATION, _CALL_OUTCOME), CALL_BUCKETS),
        ("signal_service.dependency.errors", _C, "{error}", "Calls to external services that failed.",
         (_SERVICE, _ERROR, _IMPACT), None),
    ],
    ("Circuit breakers", "BreakerMonitor"): [
        ("signal_service.circuit_breaker.state", _G, "", "1 for the present state of the breaker, else 0.",
         (_SERVICE, _SERVICE_OPERATION, _STATE), None),
        ("signal_service.circuit_breaker.transitions", _C, "{transition}", "State changes.",
         (_SERVICE, _SERVICE_OPERATION, _TO), None),
        ("signal_service.circuit_breaker.calls", _C, "{call}", "Calls through the breaker.",
         (_SERVICE, _SERVICE_OPERATION, _BREAKER_OUTCOME), None),
    ],
    ("Business", "observe_subscriptions"): [
        ("signal_service.active_subscriptions", _G, "{subscription}", "Active subscriptions.",
         (_TIER, _SIGNAL, _DELIVERY), None),
    ],
    ("Business", "record_cost"): [
        ("signal_service.calculation_cost", _C, "{currency}",
         "CPU-seconds times the configured price (SIGNALSCOPE_CPU_SECOND_PRICE); nothing without a price.",
         (_OPERATION_TYPE, _TIER, _COMPLEXITY), None),
    ],
    ("Business", "count_feature"): [
        ("signal_service.premium_feature_usage", _C, "{use}", "Uses of premium features.",
         (_FEATURE, _TIER), None),
        ("signal_service.feature_usage", _C, "{use}", "Uses of features.", (_FEATURE, _TIER), None),
    ],
    ("Business", "user_context"): [
        ("signal_service.active_users", _G, "{user}", "Distinct users in the window.",
         (_WINDOW, _TIER), None),
    ],
    ("signalscope itself", "signalscope.recording"): [
        ("signalscope.attribute.overflow", _C, "{value}",
         "Attribute values that became `other`: not allowed, or beyond the cardinality limit.",
         (_INSTRUMENT, _KEY), None),
        ("signalscope.internal.errors", _C, "{error}",
         "Failures inside signalscope. They do not stop the code of the user.", (_WHERE,), None),
        ("signalscope.spans.given_up", _C, "{span}", "Spans that were not exported and are lost.",
         (_GIVEN_UP,), None),
    ],
}  # fmt: skip

BUILT_IN = tuple(
    Instrument(name, kind, unit, description, emitted_by, attributes, buckets, section)
    for (section, emitted_by), rows in _ROWS.items()
    for name, kind, unit, description, attributes, buckets in rows
)
