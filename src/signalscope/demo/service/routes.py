"""The routes of the reference service."""

from __future__ import annotations

import asyncio
import math
from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
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


def _runtime(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


def _tier(request: Request) -> Tier:
    tier: Tier = request.state.tier
    return tier


def _user(request: Request) -> str:
    return request.headers.get("x-user-id") or "anonymous"


Service = Annotated[Runtime, Depends(_runtime)]
CallerTier = Annotated[Tier, Depends(_tier)]
Caller = Annotated[str, Depends(_user)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]


async def _admit(request: Request, service: Service, tier: CallerTier, user: Caller) -> None:
    """Hold the caller to the tier's rate; wait when the fault api-latency is on."""
    wait = service.limiter.admit(user, tier)
    if wait > 0:
        count_rate_limit_hit(request.scope["route"].path, "per_user")
        raise HTTPException(
            429, f"tier {tier.name} allows {tier.requests_per_second:g} requests per second",
            {"Retry-After": str(int(wait) + 1)},
        )  # fmt: skip
    if service.switches.api_delay:
        await asyncio.sleep(service.switches.api_delay)


api = APIRouter(prefix="/api/v1", dependencies=[Depends(_admit)])
demo = APIRouter(prefix="/demo")


class OptionRequest(BaseModel):
    """One option, to be calculated at the market's present price."""

    symbol: str
    flag: Literal["c", "p"] = "c"
    strike: PositiveFloat
    days: PositiveFloat = Field(le=3650, description="Calendar days to expiry")
    volatility: PositiveFloat = Field(le=10)
    quote: PositiveFloat | None = Field(
        None, description="Market price; with it the implied volatility is calculated"
    )


class PortfolioRequest(BaseModel):
    """A few options to be priced together."""

    options: list[OptionRequest] = Field(min_length=1, max_length=50)
    model: str = DEFAULT_MODEL


class SubscriptionRequest(BaseModel):
    """A wish to get a kind of signal."""

    signal_type: str
    delivery_method: str = "websocket"


class ThresholdRequest(BaseModel):
    """A threshold to watch."""

    threshold_type: str
    symbol: str
    bound: PositiveFloat
    severity: str = "warning"


class JobRequest(BaseModel):
    """A chain to be refreshed in the background."""

    symbol: str
    priority: str = "low"


class SwitchRequest(BaseModel):
    """Whether a fault should be on."""

    on: bool


def _option(service: Runtime, wanted: OptionRequest) -> Option:
    spot = service.market.spot(wanted.symbol)
    return Option(
        wanted.flag, spot, wanted.strike, wanted.days / 365.0, RATE, wanted.volatility,
        SYMBOLS[wanted.symbol][2], wanted.quote or 0.0,
    )  # fmt: skip


@api.post("/greeks/option")
async def greeks_option(
    service: Service, wanted: OptionRequest, model: Annotated[str, Query()] = DEFAULT_MODEL
) -> dict[str, Any]:
    """Price, Greeks and (with a quote) implied volatility of one option."""
    check_choice("model", model, MODELS)
    option = _option(service, wanted)
    count_feature("option_calculator")
    with measure_cost("option", complexity="simple"):  # some 20 microseconds: not worth a thread
        results = {name: service.calculator.single(name, model, option) for name in SINGLE[:-1]}
        if wanted.quote:
            results["iv"] = _implied(service, model, option)
    usable = {name: finite_or_none(value) for name, value in results.items()}
    return {"symbol": wanted.symbol, "model": model, "spot": option.spot, **usable}


def _implied(service: Runtime, model: str, option: Option) -> float:
    try:
        return service.calculator.single("iv", model, option)
    except CalculationError:
        raise
    except Exception:  # vollib's: no volatility gives that price; counted by the decorator
        return math.nan


@api.post("/greeks/portfolio")
async def greeks_portfolio(service: Service, wanted: PortfolioRequest) -> dict[str, Any]:
    """Prices of a few options."""
    check_choice("model", wanted.model, MODELS)
    options = [_option(service, option) for option in wanted.options]
    count_feature("portfolio_pricing")
    with measure_cost("portfolio", complexity="standard"):
        prices = service.calculator.portfolio_prices(options, wanted.model)
    return {"prices": [finite_or_none(price) for price in prices]}


@api.get("/greeks/chain/{symbol}")
async def greeks_chain(
    service: Service, symbol: str, model: str = DEFAULT_MODEL, fresh: bool = False
) -> Response:
    """A whole chain with Greeks and implied volatilities."""
    check_choice("model", model, MODELS)
    count_feature("chain_greeks")
    return Response(await service.chains.get(symbol, model, fresh=fresh), media_type="application/json")


@api.get("/signals/{signal_type}/{symbol}")
async def signal(service: Service, tier: CallerTier, signal_type: str, symbol: str) -> dict[str, Any]:
    """A signal for a symbol; it is also delivered to subscribers, through the work queue."""
    check_choice("signal", signal_type, SIGNAL_TYPES)
    service.market.spot(symbol)
    count_feature("signals")
    generated = await service.signals.generate(signal_type, symbol)
    await service.judge.add(generated)
    answer, delivered = asdict(generated), True
    try:
        await service.queue.put(Job("deliver_signal", _SIGNAL_PRIORITY.get(tier.name, "low"), answer))
    except QueueFullError:
        delivered = False
    return {**answer, "queued_for_delivery": delivered}


@api.get("/signals/{signal_type}")
async def recent_signals(
    service: Service, signal_type: str, limit: Annotated[int, Query(ge=1, le=200)] = 20
) -> list[dict[str, Any]]:
    """The latest signals of a kind."""
    check_choice("signal", signal_type, SIGNAL_TYPES)
    count_feature("signal_history")
    return await service.history.recent(signal_type, limit)


@api.get("/features/scenario/{symbol}")
async def scenario(
    service: Service, tier: CallerTier, symbol: str, model: str = DEFAULT_MODEL
) -> dict[str, Any]:
    """What the chain is worth after moves of the spot price; a premium feature."""
    check_choice("model", model, MODELS)
    await _enter(service, tier, symbol, "scenario_analysis")
    shocks = [-0.1, -0.05, -0.02, 0.0, 0.02, 0.05, 0.1]
    return {
        "symbol": symbol,
        "shocks": shocks,
        "values": await service.chains.scenario(symbol, shocks, model),
    }


@api.get("/features/surface/{symbol}")
async def surface(service: Service, tier: CallerTier, symbol: str) -> Response:
    """The implied volatilities of the chain; a premium feature."""
    await _enter(service, tier, symbol, "volatility_surface")
    return Response(await service.chains.get(symbol), media_type="application/json")


async def _enter(service: Runtime, tier: Tier, symbol: str, feature: str) -> None:
    """Ask the marketplace service; while it does not answer, the tier's own terms decide."""
    service.market.spot(symbol)
    try:
        answer = await service.clients["marketplace_service"].ask(
            "check_entitlement", "GET", f"/entitlements/{tier.name}"
        )
        entitled = bool(answer["premium"])
    except DependencyUnavailableError:
        entitled = tier.premium
    if not entitled:
        raise HTTPException(403, f"{feature} is a premium feature; tier {tier.name} does not include it")
    count_feature(feature, premium=True)


@api.get("/subscriptions", response_model_exclude={"__all__": {"user", "tier"}})
async def subscriptions(service: Service, user: Caller) -> list[Subscription]:
    """The caller's subscriptions."""
    return service.subscriptions.of_user(user)


@api.post("/subscriptions", status_code=201)
async def subscribe(
    service: Service, tier: CallerTier, user: Caller, wanted: SubscriptionRequest
) -> dict[str, Any]:
    """Subscribe to a kind of signal."""
    count_feature("subscriptions")
    subscription = service.subscriptions.add(user, tier.name, wanted.signal_type, wanted.delivery_method)
    return {"number": subscription.number}


@api.delete("/subscriptions/{number}", status_code=204)
async def unsubscribe(service: Service, user: Caller, number: int) -> None:
    """End a subscription of the caller's."""
    if not service.subscriptions.remove(number, user):
        raise HTTPException(404, f"you have no subscription {number}")


@api.post("/thresholds", status_code=201)
async def add_threshold(service: Service, user: Caller, wanted: ThresholdRequest) -> dict[str, Any]:
    """Watch a threshold."""
    count_feature("thresholds")
    threshold = service.thresholds.add(
        user, wanted.threshold_type, wanted.symbol, wanted.bound, wanted.severity
    )
    return {"number": threshold.number}


@api.delete("/thresholds/{number}", status_code=204)
async def remove_threshold(service: Service, user: Caller, number: int) -> None:
    """Stop watching a threshold of the caller's."""
    if not service.thresholds.remove(number, user):
        raise HTTPException(404, f"you have no threshold {number}")


@api.post("/jobs", status_code=202)
async def add_job(service: Service, wanted: JobRequest) -> dict[str, Any]:
    """Refresh a chain in the background."""
    check_choice("priority", wanted.priority, PRIORITIES)
    service.market.spot(wanted.symbol)
    await service.queue.put(Job("refresh_chain", wanted.priority, {"symbol": wanted.symbol}))
    return {"queued": True}


@demo.get("/faults")
async def faults(service: Service) -> dict[str, bool]:
    """Every fault of the service, and whether it is on."""
    return service.switches.state()


@demo.put("/faults/{name}")
async def switch_fault(service: Service, name: str, wanted: SwitchRequest) -> dict[str, bool]:
    """Switch a fault of the service."""
    service.switches.switch(name, wanted.on)
    return {name: wanted.on}


@demo.get("/stats")
async def stats(service: Service) -> dict[str, Any]:
    """The service's own plain counts, to compare the telemetry with."""
    return service.counts.snapshot()
