"""The HTTP routes of the reference service."""

from __future__ import annotations

import asyncio
import math
from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from fastapi import APIRouter, Body, Depends, HTTPException, Query, Request, Response
from signalscope import count_feature, count_rate_limit_hit, measure_cost
from signalscope.contract import PRIORITIES
from signalscope.demo.service.calculations import MODELS, SINGLE, CalculationError, Option
from signalscope.demo.service.chains import DEFAULT_MODEL, finite_or_none
from signalscope.demo.service.choices import check_choice
from signalscope.demo.service.clients import DependencyUnavailableError
from signalscope.demo.service.market import RATE, SYMBOLS
from signalscope.demo.service.runtime import Runtime
from signalscope.demo.service.signals import SIGNAL_TYPES
from signalscope.demo.service.subscriptions import Subscription
from signalscope.demo.service.tiers import Tier
from signalscope.demo.service.workqueue import Job, QueueFullError

_SIGNAL_PRIORITY = {"enterprise": "high", "professional": "medium"}


class _Call:
    """The user and tier of a request, and the service that answers it."""

    def __init__(self, request: Request) -> None:
        self.service: Runtime = request.app.state.runtime
        self.tier: Tier = request.state.tier
        self.user = request.headers.get("x-user-id") or "anonymous"


Call = Annotated[_Call, Depends()]
#: A text in the body of a request.
TextField = Annotated[str, Body()]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]


async def _admit(request: Request, call: Call) -> None:
    """Apply the rate limit of the caller's tier; wait if the fault api-latency is on."""
    wait = call.service.limiter.admit(call.user, call.tier)
    if wait > 0:
        count_rate_limit_hit(request.scope["route"].path, "per_user")
        raise HTTPException(
            429, f"tier {call.tier.name} allows {call.tier.requests_per_second:g} requests per second",
            {"Retry-After": str(int(wait) + 1)},
        )  # fmt: skip
    if call.service.switches.api_delay:
        await asyncio.sleep(call.service.switches.api_delay)


api = APIRouter(prefix="/api/v1", dependencies=[Depends(_admit)])
demo = APIRouter(prefix="/demo")


class OptionRequest(BaseModel):
    """An option to calculate at the present market price."""

    symbol: str
    flag: Literal["c", "p"] = "c"
    strike: PositiveFloat
    days: PositiveFloat = Field(le=3650, description="Calendar days to expiry")
    volatility: PositiveFloat = Field(le=10)
    quote: PositiveFloat | None = Field(None, description="Market price; needed for the implied volatility")


class PortfolioRequest(BaseModel):
    """A few options to price together."""

    options: list[OptionRequest] = Field(min_length=1, max_length=50)
    model: str = DEFAULT_MODEL


class SubscriptionAnswer(BaseModel):
    """A subscription, without its user and tier."""

    model_config = ConfigDict(from_attributes=True)

    number: int
    signal_type: str
    delivery_method: str


class ThresholdRequest(BaseModel):
    """A threshold to watch."""

    threshold_type: str
    symbol: str
    bound: PositiveFloat
    severity: str = "warning"


def _option(service: Runtime, wanted: OptionRequest) -> Option:
    spot = service.market.spot(wanted.symbol)
    return Option(
        wanted.flag, spot, wanted.strike, wanted.days / 365.0, RATE, wanted.volatility,
        SYMBOLS[wanted.symbol][2], wanted.quote or 0.0,
    )  # fmt: skip


@api.post("/greeks/option")
async def greeks_option(call: Call, wanted: OptionRequest, model: str = DEFAULT_MODEL) -> dict[str, Any]:
    """Return the price and the Greeks of an option, and with a quote its implied volatility."""
    check_choice("model", model, MODELS)
    option = _option(call.service, wanted)
    count_feature("option_calculator")
    with measure_cost("option", complexity="simple"):  # about 20 microseconds: too short for a thread
        results = {name: call.service.calculator.single(name, model, option) for name in SINGLE[:-1]}
        if wanted.quote:
            results["iv"] = _implied(call.service, model, option)
    usable = {name: finite_or_none(value) for name, value in results.items()}
    return {"symbol": wanted.symbol, "model": model, "spot": option.spot, **usable}


def _implied(service: Runtime, model: str, option: Option) -> float:
    try:
        return service.calculator.single("iv", model, option)
    except CalculationError:
        raise
    except Exception:  # vollib found no volatility for the price; the decorator counts it
        return math.nan


@api.post("/greeks/portfolio")
async def greeks_portfolio(call: Call, wanted: PortfolioRequest) -> dict[str, Any]:
    """Return the prices of a few options."""
    check_choice("model", wanted.model, MODELS)
    options = [_option(call.service, option) for option in wanted.options]
    count_feature("portfolio_pricing")
    with measure_cost("portfolio", complexity="standard"):
        prices = call.service.calculator.portfolio_prices(options, wanted.model)
    return {"prices": [finite_or_none(price) for price in prices]}


@api.get("/greeks/chain/{symbol}")
async def greeks_chain(call: Call, symbol: str, model: str = DEFAULT_MODEL, fresh: bool = False) -> Response:
    """Return a whole chain with Greeks and implied volatilities."""
    check_choice("model", model, MODELS)
    count_feature("chain_greeks")
    return Response(await call.service.chains.get(symbol, model, fresh=fresh), media_type="application/json")


@api.get("/signals/{signal_type}/{symbol}")
async def signal(call: Call, signal_type: str, symbol: str) -> dict[str, Any]:
    """Return a signal for a symbol, and queue it for delivery to subscribers."""
    check_choice("signal", signal_type, SIGNAL_TYPES)
    call.service.market.spot(symbol)
    count_feature("signals")
    generated = await call.service.signals.generate(signal_type, symbol)
    await call.service.judge.add(generated)
    answer, delivered = asdict(generated), True
    try:
        await call.service.queue.put(
            Job("deliver_signal", _SIGNAL_PRIORITY.get(call.tier.name, "low"), answer)
        )
    except QueueFullError:
        delivered = False
    return {**answer, "queued_for_delivery": delivered}


@api.get("/signals/{signal_type}")
async def recent_signals(
    call: Call, signal_type: str, limit: Annotated[int, Query(ge=1, le=200)] = 20
) -> list[dict[str, Any]]:
    """Return the latest signals of a kind."""
    check_choice("signal", signal_type, SIGNAL_TYPES)
    count_feature("signal_history")
    return await call.service.history.recent(signal_type, limit)


@api.get("/features/scenario/{symbol}")
async def scenario(call: Call, symbol: str, model: str = DEFAULT_MODEL) -> dict[str, Any]:
    """Return the value of the chain after moves of the spot price; a premium feature."""
    check_choice("model", model, MODELS)
    await _enter(call, symbol, "scenario_analysis")
    shocks = [-0.1, -0.05, -0.02, 0.0, 0.02, 0.05, 0.1]
    return {
        "symbol": symbol,
        "shocks": shocks,
        "values": await call.service.chains.scenario(symbol, shocks, model),
    }


@api.get("/features/surface/{symbol}")
async def surface(call: Call, symbol: str) -> Response:
    """Return the implied volatilities of the chain; a premium feature."""
    await _enter(call, symbol, "volatility_surface")
    return Response(await call.service.chains.get(symbol), media_type="application/json")


async def _enter(call: _Call, symbol: str, feature: str) -> None:
    """Check with the marketplace service that the tier includes a feature.

    While the service does not answer, the terms of the tier decide.

    Raises:
        HTTPException: The tier does not include the feature.
    """
    call.service.market.spot(symbol)
    try:
        answer = await call.service.clients["marketplace_service"].ask(
            "check_entitlement", "GET", f"/entitlements/{call.tier.name}"
        )
        entitled = bool(answer["premium"])
    except DependencyUnavailableError:
        entitled = call.tier.premium
    if not entitled:
        raise HTTPException(403, f"{feature} is a premium feature; tier {call.tier.name} does not include it")
    count_feature(feature, premium=True)


@api.get("/subscriptions", response_model=list[SubscriptionAnswer])
async def subscriptions(call: Call) -> list[Subscription]:
    """Return the caller's subscriptions."""
    return call.service.subscriptions.of_user(call.user)


@api.post("/subscriptions", status_code=201)
async def subscribe(
    call: Call, signal_type: TextField, delivery_method: TextField = "websocket"
) -> dict[str, Any]:
    """Subscribe to a kind of signal."""
    count_feature("subscriptions")
    subscription = call.service.subscriptions.add(call.user, call.tier.name, signal_type, delivery_method)
    return {"number": subscription.number}


@api.delete("/subscriptions/{number}", status_code=204)
async def unsubscribe(call: Call, number: int) -> None:
    """End a subscription of the caller."""
    if not call.service.subscriptions.remove(number, call.user):
        raise HTTPException(404, f"you have no subscription {number}")


@api.post("/thresholds", status_code=201)
async def add_threshold(call: Call, wanted: ThresholdRequest) -> dict[str, Any]:
    """Watch a threshold."""
    count_feature("thresholds")
    threshold = call.service.thresholds.add(
        call.user, wanted.threshold_type, wanted.symbol, wanted.bound, wanted.severity
    )
    return {"number": threshold.number}


@api.delete("/thresholds/{number}", status_code=204)
async def remove_threshold(call: Call, number: int) -> None:
    """Remove a threshold of the caller."""
    if not call.service.thresholds.remove(number, call.user):
        raise HTTPException(404, f"you have no threshold {number}")


@api.post("/jobs", status_code=202)
async def add_job(call: Call, symbol: TextField, priority: TextField = "low") -> dict[str, Any]:
    """Refresh a chain in the background."""
    check_choice("priority", priority, PRIORITIES)
    call.service.market.spot(symbol)
    await call.service.queue.put(Job("refresh_chain", priority, {"symbol": symbol}))
    return {"queued": True}


@demo.get("/faults")
async def faults(call: Call) -> dict[str, bool]:
    """Return every fault of the service, and if it is on."""
    return call.service.switches.state()


@demo.put("/faults/{name}")
async def switch_fault(call: Call, name: str, on: Annotated[bool, Body(embed=True)]) -> dict[str, bool]:
    """Switch a fault of the service on or off."""
    call.service.switches.switch(name, on)
    return {name: on}


@demo.get("/stats")
async def stats(call: Call) -> dict[str, Any]:
    """Return the service's own counts, to compare the telemetry with them."""
    return call.service.counts.snapshot()
