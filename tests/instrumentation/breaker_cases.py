"""Circuit breakers in their oldest and newest versions, in programs without any signalscope code."""

from __future__ import annotations

from tests.instrumentation.cases import Case

__all__ = ["BREAKERS"]

CALLS = ("signal_service_circuit_breaker_calls_total", "service_name", "operation", "outcome")
TRANSITIONS = ("signal_service_circuit_breaker_transitions_total", "service_name", "to")
STATE = ("signal_service_circuit_breaker_state", "service_name", "state")
SHOW = """
import asyncio, time
def show(call, *args):
    try:
        print(call(*args))
    except Exception as error:
        print(type(error).__name__)
def bad(error=ValueError):
    raise error("no")
"""

PYBREAKER = Case(
    versions=(("pybreaker==1.0.2",), ("pybreaker==1.4.1",)),
    instrumentor="pybreaker:PybreakerInstrumentor",
    variables={"SIGNALSCOPE_BREAKERS": "market*=marketplace_service/list;program:Client._cb=comms_service"},
    program=SHOW
    + """
import pybreaker
ticker_breaker = pybreaker.CircuitBreaker(fail_max=2, reset_timeout=0.2, exclude=[KeyError, lambda e: "ok" in str(e)])
market = pybreaker.CircuitBreaker(fail_max=1, reset_timeout=60, name="market-cb")
class Client:
    def __init__(self):
        self._cb = pybreaker.CircuitBreaker(fail_max=3)
    def send(self):
        return self._cb.call(lambda: "sent")
class Listener(pybreaker.CircuitBreakerListener):
    def state_change(self, cb, old, new):
        print("listener", old.name, new.name)
ticker_breaker.add_listener(Listener())
print(len(ticker_breaker.listeners))
show(ticker_breaker.call, bad, KeyError)  # excluded: a success
for _ in range(4):
    show(ticker_breaker.call, bad)  # a failure, the tripping failure, two rejections
time.sleep(0.25)  # sleep: until the breaker lets a trial through
show(ticker_breaker.call, bad)  # half open: the trial fails, which trips it
show(ticker_breaker.call, bad)
time.sleep(0.25)  # sleep: until the breaker lets a trial through
@ticker_breaker
def good():
    return "good"
show(good)
@market
def items():
    yield 1
    yield 2
print(list(items()), items.__name__)
@market
def failing():
    yield 1
    raise LookupError("inside")
def wrong():
    if not hasattr(market, "calling"):  # since 1.1
        return list(failing())
    with market.calling():
        raise LookupError("inside")
show(wrong)
show(wrong)
client = Client()
show(client.send)
market.close()
""",
    expected={
        CALLS: {
            ("ticker", "all", "success"): 2,
            ("ticker", "all", "failure"): 3,
            ("ticker", "all", "rejected"): 3,
            ("marketplace_service", "list", "success"): 1,
            ("marketplace_service", "list", "failure"): 1,
            ("marketplace_service", "list", "rejected"): 1,
            ("comms_service", "all", "success"): 1,
        },
        TRANSITIONS: {
            ("ticker", "open"): 2,
            ("ticker", "half_open"): 2,
            ("ticker", "closed"): 1,
            ("marketplace_service", "open"): 1,
            ("marketplace_service", "closed"): 1,
        },
        STATE: {("ticker", "closed"): 1, ("marketplace_service", "closed"): 1, ("comms_service", "closed"): 1},
    },
    names=("pybreaker:CircuitBreaker._inc_counter", "pybreaker:CircuitOpenState.before_call",
           "pybreaker:CircuitBreakerState._handle_success", "pybreaker:CircuitBreaker.__init__"),
    call="import pybreaker\npybreaker.CircuitBreaker().call(len, 'x')",
    counted="signal_service.circuit_breaker.calls",
)  # fmt: skip

AIOBREAKER = Case(
    versions=(("aiobreaker==1.1.0",), ("aiobreaker==1.2.0",)),
    instrumentor="aiobreaker:AiobreakerInstrumentor",
    program=SHOW
    + """
from datetime import timedelta
import aiobreaker
alert_cb = aiobreaker.CircuitBreaker(fail_max=1, timeout_duration=timedelta(seconds=0.2), exclude=[KeyError])
named = aiobreaker.CircuitBreaker(name="config_service")
@alert_cb
async def send(error=None):
    if error is not None:
        raise error("no")
    return "sent"
async def main():
    for error in (None, KeyError, ValueError, ValueError, None):
        try:
            print(await send(error))
        except Exception as raised:
            print(type(raised).__name__)
    await asyncio.sleep(0.25)  # sleep: until the breaker lets a trial through
    print(await send())
    print(await named.call_async(send))  # the inner breaker only
asyncio.run(main())
show(named.call, bad)
@named
def plain():
    return "plain"
show(plain)
""",
    expected={
        CALLS: {
            ("alert", "all", "success"): 4,
            ("alert", "all", "failure"): 1,
            ("alert", "all", "rejected"): 2,
            ("config_service", "all", "failure"): 1,
            ("config_service", "all", "success"): 1,
        },
        TRANSITIONS: {("alert", "open"): 1, ("alert", "half_open"): 1, ("alert", "closed"): 1},
        STATE: {("alert", "closed"): 1, ("config_service", "closed"): 1},
    },
    names=("aiobreaker.circuitbreaker:CircuitBreaker._inc_counter", "aiobreaker.state:CircuitOpenState.before_call",
           "aiobreaker.state:CircuitBreakerBaseState._handle_success"),
    call="import aiobreaker\naiobreaker.CircuitBreaker().call(len, 'x')",
    counted="signal_service.circuit_breaker.calls",
)  # fmt: skip

PURGATORY = Case(
    versions=(("purgatory==1.0.3", "setuptools==80.9.0"), ("purgatory==3.0.1",)),
    instrumentor="purgatory:PurgatoryInstrumentor",
    variables={"SIGNALSCOPE_BREAKERS": "sync-*=ticker_service"},
    program=SHOW
    + """
from purgatory import AsyncCircuitBreakerFactory, SyncCircuitBreakerFactory
factory = AsyncCircuitBreakerFactory(default_threshold=2, default_ttl=0.2, exclude=[KeyError, (OSError, bool)])
@factory("marketplace_service")
async def items(error=None, wait=0):
    await asyncio.sleep(wait)  # sleep: a call that takes a while
    if error is not None:
        raise error("no")
    return "items"
async def attempt(*args):
    try:
        print(await items(*args))
    except Exception as raised:
        print(type(raised).__name__)
async def main():
    for error in (None, KeyError, OSError):
        await attempt(error)
    await asyncio.gather(*(attempt(ValueError, 0.01) for _ in range(3)))  # one is under way when it trips
    await attempt()
    await asyncio.sleep(0.25)  # sleep: until the breaker lets a trial through
    await attempt(ValueError)
    await attempt()
    await asyncio.sleep(0.25)  # sleep: until the breaker lets a trial through
    await attempt()
    async with await factory.get_breaker("marketplace_service"):
        print("inside")
asyncio.run(main())
plain = SyncCircuitBreakerFactory(default_threshold=1)
@plain("sync-ticker")
def quote(error=None):
    if error is not None:
        raise error("no")
    return "quote"
show(quote)
show(quote, ValueError)
show(quote)
""",
    expected={
        CALLS: {
            ("marketplace_service", "all", "success"): 5,
            ("marketplace_service", "all", "failure"): 4,
            ("marketplace_service", "all", "rejected"): 2,
            ("ticker_service", "all", "success"): 1,
            ("ticker_service", "all", "failure"): 1,
            ("ticker_service", "all", "rejected"): 1,
        },
        TRANSITIONS: {
            ("marketplace_service", "open"): 2,
            ("marketplace_service", "half_open"): 2,
            ("marketplace_service", "closed"): 1,
            ("ticker_service", "open"): 1,
        },
        STATE: {("marketplace_service", "closed"): 1, ("ticker_service", "open"): 1},
    },
    names=("purgatory.domain.model:Context.handle_new_request", "purgatory.domain.model:OpenedState.handle_exception",
           "purgatory.domain.model:Context.set_state"),
    call="""
        import purgatory
        @purgatory.SyncCircuitBreakerFactory()("one")
        def call(): pass
        call()
    """,
    counted="signal_service.circuit_breaker.calls",
)  # fmt: skip

CIRCUITBREAKER = Case(
    versions=(("circuitbreaker==2.0.0",), ("circuitbreaker==2.1.3",)),
    instrumentor="circuitbreaker:CircuitbreakerInstrumentor",
    program=SHOW
    + """
from circuitbreaker import CircuitBreaker, CircuitBreakerMonitor, circuit
class Strict(CircuitBreaker):
    FAILURE_THRESHOLD = 1
    RECOVERY_TIMEOUT = 1
    EXPECTED_EXCEPTION = ValueError
@Strict(name="ticker_service")
def quote(error=None):
    if error is not None:
        raise error("no")
    return "quote"
@circuit(failure_threshold=1, recovery_timeout=60, fallback_function=lambda *args: "fallback")
def listed(error=None):
    return bad() if error else "listed"
@circuit(failure_threshold=1, recovery_timeout=60, name="stream")
async def ticks():
    yield 1
    raise ValueError("no")
show(quote)
show(quote, KeyError)  # not expected: a success
show(quote, ValueError)
show(quote)
print([breaker.name for breaker in CircuitBreakerMonitor.get_open()])  # no call
for error in (None, True, None):
    show(listed, error)
async def main():
    for _ in range(2):
        try:
            async for tick in ticks():
                print(tick)
        except Exception as error:
            print(type(error).__name__)
asyncio.run(main())
guard = CircuitBreaker(name="config_service")
with guard:
    print("inside")
time.sleep(1.1)  # sleep: until it is half open, without a call
""",
    expected={
        CALLS: {
            ("ticker_service", "all", "success"): 2,
            ("ticker_service", "all", "failure"): 1,
            ("ticker_service", "all", "rejected"): 1,
            ("listed", "all", "success"): 1,
            ("listed", "all", "failure"): 1,
            ("listed", "all", "rejected"): 1,
            ("stream", "all", "failure"): 1,
            ("stream", "all", "rejected"): 1,
            ("config_service", "all", "success"): 1,
        },
        STATE: {("ticker_service", "half_open"): 1, ("listed", "open"): 1, ("stream", "open"): 1,
                ("config_service", "closed"): 1},
    },
    names=("circuitbreaker:CircuitBreaker.__exit__", "circuitbreaker:CircuitBreaker.opened",
           "circuitbreaker:CircuitBreaker.__init__"),
    call="""
        from circuitbreaker import CircuitBreaker
        CircuitBreaker(name="one")(lambda: 1)()
    """,
    counted="signal_service.circuit_breaker.calls",
)  # fmt: skip

BREAKERS = {
    "pybreaker": PYBREAKER,
    "aiobreaker": AIOBREAKER,
    "purgatory": PURGATORY,
    "circuitbreaker": CIRCUITBREAKER,
}
