"""The reference service through its API, with real external services."""

import asyncio

import httpx
import pytest
from tests.waiting import eventually_async
from vollib.black_scholes_merton.greeks.analytical import (
    delta as vollib_delta,
)

from signalscope.demo.service.market import RATE, SYMBOLS
from signalscope.demo.service.runtime import Runtime
from signalscope.demo.stack.dependencies import DependencyServer

OPTION = {"symbol": "ALFA", "flag": "c", "strike": 410.0, "days": 30, "volatility": 0.2}


async def test_one_option_is_vollibs(client: httpx.AsyncClient) -> None:
    """The Greeks of an option are those of vollib at the market price."""
    answer = (await client.post("/api/v1/greeks/option", json=OPTION)).json()
    expected = vollib_delta("c", answer["spot"], 410.0, 30 / 365, RATE, 0.2, SYMBOLS["ALFA"][2])
    assert answer["delta"] == pytest.approx(expected, abs=1e-12)
    assert set(answer) == {"symbol", "model", "spot", "price", "delta", "gamma", "theta", "vega", "rho"}


async def test_impossible_quote_has_no_implied_volatility(client: httpx.AsyncClient) -> None:
    """A quote below the intrinsic value gives null, not an error."""
    wanted = {**OPTION, "strike": 100.0, "quote": 0.5}
    answer = await client.post("/api/v1/greeks/option", json=wanted)
    assert answer.status_code == 200
    assert answer.json()["iv"] is None


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("greeks/option", '{"symbol": "ALFA", "strike": NaN, "days": 30, "volatility": 0.2}', "strike"),
        ("greeks/option", '{"symbol": "ALFA", "strike": Infinity, "days": 30, "volatility": 0.2}', "strike"),
        ("greeks/option", '{"symbol": "ALFA", "strike": 1, "days": 30, "volatility": 1, "quote": Infinity}', "quote"),
        ("thresholds", '{"threshold_type": "price_move", "symbol": "ALFA", "bound": Infinity}', "bound"),
        ("jobs", '{"priority": "low"}', "symbol"),
    ],
)  # fmt: skip
async def test_a_request_that_is_none_is_explained(
    client: httpx.AsyncClient, path: str, body: str, field: str
) -> None:
    """NaN and infinity, which Python's JSON accepts, get an error that names the field."""
    headers = {"Content-Type": "application/json"}
    answer = await client.post(f"/api/v1/{path}", content=body, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", field]


async def test_chain_comes_from_the_cache_the_second_time(
    client: httpx.AsyncClient, runtime: Runtime
) -> None:
    """A chain is calculated once; `fresh` deletes it from the cache first."""
    await runtime.background.stop()
    url = "/api/v1/greeks/chain/ECHO?model=black_scholes"
    first = (await client.get(url)).json()
    before = runtime.counts.snapshot()["calculations"]["total"]
    assert (await client.get(url)).json() == first
    assert runtime.counts.snapshot()["calculations"]["total"] == before
    await client.get(url + "&fresh=true")
    assert runtime.counts.snapshot()["calculations"]["total"] == before + 2
    assert len(first["options"]["delta"]) == len(first["implied_volatility"]) == 656


async def test_signal_is_stored_and_delivered(client: httpx.AsyncClient, runtime: Runtime) -> None:
    """A signal is returned, stored in the history, and sent to subscribers through the queue."""
    answer = (await client.get("/api/v1/signals/momentum/ALFA")).json()
    assert answer["direction"] in ("buy", "sell", "hold")
    assert answer["data_source"] == "ticker_service"
    assert answer["queued_for_delivery"] is True
    recent = (await client.get("/api/v1/signals/momentum")).json()
    assert recent[0]["spot"] == answer["spot"]
    # Only the counts show the end of a job from outside, so the test polls them.
    await eventually_async(
        lambda: runtime.counts.snapshot()["queue_items"]["by"].get("high,processed"), "the delivery"
    )


async def test_signal_without_the_ticker_says_so(
    client: httpx.AsyncClient, dependencies: dict[str, DependencyServer]
) -> None:
    """While the ticker service is down, signals have the source fallback."""
    await dependencies["ticker_service"].switch("down", on=True)
    assert (await client.get("/api/v1/signals/momentum/ALFA")).json()["data_source"] == "fallback"


async def test_premium_features_are_for_premium_tiers(client: httpx.AsyncClient) -> None:
    """The marketplace service decides: professional may use them, basic may not."""
    allowed = await client.get("/api/v1/features/scenario/ALFA", headers={"X-User-Tier": "professional"})
    refused = await client.get("/api/v1/features/scenario/ALFA", headers={"X-User-Tier": "basic"})
    assert allowed.status_code == 200
    values = allowed.json()["values"]
    assert len(values) == 7
    assert all(value > 0 for value in values)
    assert refused.status_code == 403
    assert "tier basic does not include it" in refused.json()["detail"]


async def test_free_users_are_held_to_their_rate(client: httpx.AsyncClient) -> None:
    """Too many requests get status 429 with the time to wait."""
    headers = {"X-User-Tier": "free", "X-User-Id": "eager"}
    answers = [await client.get("/api/v1/subscriptions", headers=headers) for _ in range(8)]
    assert [answer.status_code for answer in answers[:5]] == [200] * 5
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) >= 1


async def test_subscriptions_come_and_go(client: httpx.AsyncClient) -> None:
    """A user sees and ends only their own subscriptions."""
    made = await client.post("/api/v1/subscriptions", json={"signal_type": "momentum"})
    number = made.json()["number"]
    assert made.status_code == 201
    assert [
        subscription["number"] for subscription in (await client.get("/api/v1/subscriptions")).json()
    ] == [number]
    refused = await client.delete(f"/api/v1/subscriptions/{number}", headers={"X-User-Id": "somebody-else"})
    assert refused.status_code == 404
    assert (await client.delete(f"/api/v1/subscriptions/{number}")).status_code == 204
    assert (await client.get("/api/v1/subscriptions")).json() == []


JOB = {"symbol": "ALFA", "priority": "urgent"}
PIGEON = {"signal_type": "momentum", "delivery_method": "pigeon"}
MOOD = {"threshold_type": "mood", "symbol": "ALFA", "bound": 1}


@pytest.mark.parametrize(
    ("request_line", "body", "status", "says"),
    [
        ("GET /api/v1/greeks/chain/NOPE", None, 404, "unknown symbol 'NOPE'; known: ALFA, BRAV"),
        ("GET /api/v1/greeks/chain/ALFA?model=heston", None, 422, "allowed: black_scholes, black_scholes_m"),
        ("GET /api/v1/signals/astrology/ALFA", None, 422, "unknown signal 'astrology'; allowed: momentum"),
        ("POST /api/v1/jobs", JOB, 422, "allowed: critical, high, medium, low"),
        ("POST /api/v1/subscriptions", PIGEON, 422, "allowed: websocket, webhook, email"),
        ("POST /api/v1/thresholds", MOOD, 422, "allowed: price_move"),
        ("PUT /demo/faults/coffee", {"on": True}, 404, "unknown fault 'coffee'; the faults are greeks-nan"),
    ],
)
async def test_mistakes_are_explained(
    client: httpx.AsyncClient, request_line: str, body: object, status: int, says: str
) -> None:
    """The error names the unknown value and the allowed ones."""
    answer = await client.request(*request_line.split(), json=body)
    assert answer.status_code == status
    assert says in answer.json()["detail"]


async def test_unknown_tier_is_explained(client: httpx.AsyncClient) -> None:
    """An unknown tier is an error of the caller."""
    answer = await client.get("/api/v1/subscriptions", headers={"X-User-Tier": "gold"})
    assert answer.status_code == 422
    assert "allowed: free, basic, professional, enterprise" in answer.json()["detail"]


async def test_greeks_failing_fails_every_calculation(client: httpx.AsyncClient) -> None:
    """While the fault is on, every request for Greeks fails; afterwards requests succeed again."""
    await client.put("/demo/faults/greeks-failing", json={"on": True})
    answer = await client.post("/api/v1/greeks/option", json=OPTION)
    assert answer.status_code == 503
    assert "greeks-failing" in answer.json()["detail"]
    assert (await client.get("/api/v1/greeks/chain/ALFA?fresh=true")).status_code == 503
    await client.put("/demo/faults/greeks-failing", json={"on": False})
    assert (await client.post("/api/v1/greeks/option", json=OPTION)).status_code == 200


async def test_greeks_nan_gives_null(client: httpx.AsyncClient) -> None:
    """NaN becomes null in the answer."""
    await client.put("/demo/faults/greeks-nan", json={"on": True})
    answer = (await client.post("/api/v1/greeks/option", json=OPTION)).json()
    assert answer["delta"] is None
    chain = (await client.get("/api/v1/greeks/chain/ALFA?fresh=true")).json()
    assert set(chain["options"]["vega"]) == {None}


async def test_slow_array_calculations_leave_the_loop_free(client: httpx.AsyncClient) -> None:
    """A chain takes more than a second; the service answers other requests meanwhile."""
    await client.put("/demo/faults/greeks-slow-vectorized", json={"on": True})
    loop = asyncio.get_running_loop()
    started = loop.time()
    chain = asyncio.create_task(client.get("/api/v1/greeks/chain/ALFA?fresh=true"))
    answered = 0
    while not chain.done():
        await client.get("/api/v1/subscriptions")
        answered += 1
    assert answered > 10
    assert (await chain).status_code == 200
    assert loop.time() - started > 2.0


async def test_api_latency_passes_five_seconds(client: httpx.AsyncClient) -> None:
    """While the fault is on, an API request takes more than the 5 s of the alert."""
    await client.put("/demo/faults/api-latency", json={"on": True})
    loop = asyncio.get_running_loop()
    started = loop.time()
    assert (await client.get("/api/v1/subscriptions")).status_code == 200
    assert loop.time() - started > 5.0


async def test_stats_count_requests_by_route(client: httpx.AsyncClient) -> None:
    """The service's own counts have each answered request by route template and status."""
    await client.get("/api/v1/subscriptions")
    await client.get("/api/v1/greeks/chain/NOPE")
    await client.get("/nowhere")
    by = (await client.get("/demo/stats")).json()["requests"]["by"]
    assert by["GET,/api/v1/subscriptions,200"] == 1
    assert by["GET,/api/v1/greeks/chain/{symbol},404"] == 1
    assert by["GET,unmatched,404"] == 1
