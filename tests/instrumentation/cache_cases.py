"""Cache libraries in their oldest and newest versions, in programs without any signalscope code."""

from __future__ import annotations

from tests.instrumentation.cases import Case

__all__ = ["CACHES"]

OPERATIONS = ("signal_service_cache_operations_total", "cache_type", "operation", "result")
EVICTIONS = ("signal_service_cache_evictions_total", "cache_type", "reason")
ENTRIES = ("signal_service_cache_entries", "cache_type")
CAPACITY = ("signal_service_cache_capacity", "cache_type")
RATIO = ("signal_service_cache_hit_ratio", "cache_type")

CACHETOOLS = Case(
    versions=(("cachetools==5.3.0",), ("cachetools==8.0.2",)),
    instrumentor="cachetools:CachetoolsInstrumentor",
    variables={"SIGNALSCOPE_CACHES": "program:surfaces=vol_surfaces;*:Desk.*=desk"},
    program="""
import operator, threading
from cachetools import Cache, LFUCache, LRUCache, TLRUCache, TTLCache, cached, cachedmethod
from cachetools.keys import typedkey

now = [0.0]
greeks_cache = LRUCache(maxsize=2)
INDICATORS = TTLCache(maxsize=10, ttl=5, timer=lambda: now[0])
CACHES = {"quotes": LFUCache(4)}
surfaces = TLRUCache(5, ttu=lambda key, value, time: time + value, timer=lambda: now[0])

for key in (1, 2, 3, 1):  # 1 makes room for 3, then 2 for 1
    if greeks_cache.get(key) is None:
        greeks_cache[key] = key * 10
print(greeks_cache.get(3, "there"), greeks_cache.get("no", default="absent"), sorted(greeks_cache))
for bad in (lambda: greeks_cache["none"], lambda: greeks_cache[[]], lambda: greeks_cache.pop("none")):
    try:
        bad()
    except Exception as error:
        print(type(error).__name__)
print(greeks_cache.pop(3), greeks_cache.pop("x", 7), greeks_cache.setdefault(9, 90))
greeks_cache.clear()

INDICATORS["rsi"] = 1
print(INDICATORS["rsi"], INDICATORS.get("rsi"))
now[0] = 6.0
print(INDICATORS.get("rsi"), "rsi" in INDICATORS)  # its time is over: two misses
INDICATORS["macd"] = 2  # takes the old one out

if "AAPL" not in CACHES["quotes"]:
    CACHES["quotes"]["AAPL"] = 150
print(CACHES["quotes"]["AAPL"])
surfaces["a"] = 10
print(surfaces["a"])

class Loading(LRUCache):  # a miss gives a value; what it does inside is not the program's
    def __missing__(self, key):
        self[key] = key * 2
        return key * 2
    def __setitem__(self, key, value):
        super().__setitem__(key, value)
loader = Loading(2)
print(loader[1], loader[1], loader[2], loader[3])  # 3 makes room

class Desk:
    def __init__(self):
        self._book_cache = LRUCache(8)
    @cachedmethod(operator.attrgetter("_book_cache"), key=typedkey)
    def price(self, x):
        return x * 2
desk = Desk()
print(desk.price(1), desk.price(1), desk.price(1.0))

@cached(cache=LRUCache(10), lock=threading.RLock(), info=True)
def implied_vol(strike):
    return strike / 100
print(implied_vol(90), implied_vol(90), implied_vol.cache_info(), implied_vol.__name__)

sized = Cache(100, getsizeof=len)
sized["x"] = "12345"
try:
    sized["y"] = "1" * 101
except ValueError as error:
    print(error)
print(sized.currsize, len(sized))
""",
    expected={
        OPERATIONS: {
            ("greeks", "get", "hit"): 1,
            ("greeks", "get", "miss"): 6,
            ("greeks", "get", "error"): 1,
            ("greeks", "set", "ok"): 5,
            ("greeks", "delete", "ok"): 3,
            ("greeks", "delete", "error"): 1,
            ("indicators", "get", "hit"): 2,
            ("indicators", "get", "miss"): 2,
            ("indicators", "set", "ok"): 2,
            ("quotes", "get", "miss"): 1,
            ("quotes", "get", "hit"): 1,
            ("quotes", "set", "ok"): 1,
            ("vol_surfaces", "set", "ok"): 1,
            ("vol_surfaces", "get", "hit"): 1,
            ("loader", "get", "miss"): 3,
            ("loader", "get", "hit"): 1,
            ("desk", "get", "miss"): 2,
            ("desk", "get", "hit"): 1,
            ("desk", "set", "ok"): 2,
            ("implied_vol", "get", "miss"): 1,
            ("implied_vol", "get", "hit"): 1,
            ("implied_vol", "set", "ok"): 1,
            ("sized", "set", "ok"): 1,
            ("sized", "set", "error"): 1,
        },
        EVICTIONS: {
            ("greeks", "size"): 2,
            ("greeks", "explicit"): 3,
            ("indicators", "ttl"): 1,
            ("loader", "size"): 1,
        },
        ENTRIES: {("indicators",): 1, ("quotes",): 1, ("vol_surfaces",): 1, ("loader",): 2, ("desk",): 2,
                  ("implied_vol",): 1, ("sized",): 1},
        CAPACITY: {("greeks",): 2, ("indicators",): 10, ("quotes",): 4, ("vol_surfaces",): 5, ("loader",): 2,
                   ("desk",): 8, ("implied_vol",): 10},
    },
    names=("cachetools:Cache.__getitem__", "cachetools:TTLCache.popitem", "cachetools:LRUCache.__delitem__",
           "cachetools:Cache.clear", "cachetools:cached", "cachetools:Cache.__init__"),
    call="import cachetools\ncachetools.LRUCache(3).get('x')",
    counted="signal_service.cache.operations",
)  # fmt: skip

AIOCACHE = Case(
    versions=(("aiocache==0.12.0",), ("aiocache==0.12.3",)),
    instrumentor="aiocache:AiocacheInstrumentor",
    program="""
import asyncio
from aiocache import Cache, cached, cached_stampede, caches, multi_cached
quotes_cache = Cache(Cache.MEMORY)
tickers = Cache(Cache.MEMORY, namespace="ticker:")
caches.set_config({"default": {"cache": "aiocache.SimpleMemoryCache"},
                   "greeks": {"cache": "aiocache.SimpleMemoryCache"}})
@cached(ttl=60)
async def surface(x):
    return x * 2
@cached_stampede(ttl=60, lease=2)
async def chain(x):
    return x + await surface(x)
@cached(alias="greeks", key="k")
async def by_alias():
    return 1
@multi_cached("keys")
async def many(keys=None):
    return {key: key * 2 for key in keys}
async def main():
    print(await quotes_cache.get("a"), await quotes_cache.get("a", "absent"))
    print(await quotes_cache.set("a", 1), await quotes_cache.get("a"), await quotes_cache.delete("a"))
    try:
        await quotes_cache.add("b", 1)
        await quotes_cache.add("b", 2)
    except ValueError as error:
        print(error)
    print(await tickers.multi_set([("p", 1), ("q", 2)]), await tickers.multi_get(["p", "q", "r"]))
    print(await surface(1), await surface(1), await chain(5), await chain(5))
    print(await asyncio.gather(*(chain(6) for _ in range(3))))
    print(await by_alias(), await by_alias(), await caches.get("greeks").get("k"))
    print(await many(keys=["x", "y"]), await many(keys=["y", "z"]))
asyncio.run(main())
""",
    expected={
        OPERATIONS: {
            ("quotes", "get", "miss"): 2,
            ("quotes", "get", "hit"): 1,
            ("quotes", "set", "ok"): 2,
            ("quotes", "set", "error"): 1,
            ("quotes", "delete", "ok"): 1,
            ("ticker", "set", "ok"): 2,
            ("ticker", "get", "hit"): 2,
            ("ticker", "get", "miss"): 1,
            ("surface", "get", "miss"): 3,  # 1, and 5 and 6 inside of chain
            ("surface", "get", "hit"): 1,
            ("surface", "set", "ok"): 3,
            ("chain", "get", "miss"): 2,  # each of them made two gets
            ("chain", "get", "hit"): 3,
            ("chain", "set", "ok"): 2,
            ("greeks", "get", "miss"): 1,
            ("greeks", "get", "hit"): 2,
            ("greeks", "set", "ok"): 1,
            ("many", "get", "miss"): 3,
            ("many", "get", "hit"): 1,
            ("many", "set", "ok"): 4,
        },
    },
    names=("aiocache.base:BaseCache.get", "aiocache.base:BaseCache.multi_set", "aiocache.base:BaseCache.__init__",
           "aiocache.decorators:cached.__call__", "aiocache.decorators:cached_stampede.decorator"),
    call="import aiocache, asyncio\nasyncio.run(aiocache.Cache(aiocache.Cache.MEMORY).get('x'))",
    counted="signal_service.cache.operations",
)  # fmt: skip

CASHEWS = Case(
    versions=(("cashews==6.0.0",), ("cashews==7.6.0",)),
    instrumentor="cashews:CashewsInstrumentor",
    variables={"SIGNALSCOPE_CACHES": "greek-*=greeks"},
    program="""
import asyncio
from cashews import Cache, cache
async def upper(call, cmd, backend, *args, **kwargs):
    if "key" in kwargs:
        kwargs["key"] = kwargs["key"].upper()
    return await call(*args, **kwargs)
async def main():
    cache.setup("mem://", size=100)
    cache.setup("mem://?size=10", prefix="market:", middlewares=(upper,))
    mine = Cache("signals")
    mine.setup("mem://")
    print(await cache.get("greek-1"), await cache.set("greek-1", 5), await cache.get("greek-1"))
    print(await cache.get("market:x"), await cache.set("market:x", None), await cache.get("market:x"))
    print(await cache.get("market:x", default="absent"))  # the None that is there
    print(await cache.get_many("greek-1", "greek-2", "market:x", default=0))
    @mine(ttl="1m", key="user:{x}")
    async def compute(x):
        return x * 3
    print(await compute(1), await compute(1))
    print(await mine.get("user:1"), await mine.delete("user:1"), await mine.get("user:1", default=-1))
    with cache.disabling():
        print(await cache.get("greek-1"))
    async with cache.transaction():
        await cache.set("greek-9", 9)
        print(await cache.get("greek-9"))
    await cache.close()
    await mine.close()
asyncio.run(main())
""",
    expected={
        OPERATIONS: {
            ("greeks", "get", "miss"): 2,
            ("greeks", "get", "hit"): 3,
            ("greeks", "set", "ok"): 2,
            ("market", "get", "miss"): 3,  # a cached None is a miss if None is the default
            ("market", "set", "ok"): 1,
            ("market", "get", "hit"): 1,
            ("signals", "get", "miss"): 2,
            ("signals", "get", "hit"): 2,
            ("signals", "set", "ok"): 1,
            ("signals", "delete", "ok"): 1,
        },
    },
    names=("cashews.wrapper.wrapper:Wrapper._with_middlewares_for_backend",
           "cashews.wrapper.wrapper:Wrapper.__init__"),
    call="""
        import asyncio, cashews
        async def main():
            cache = cashews.Cache()
            cache.setup("mem://?check_interval=0")
            await cache.get("x")
        asyncio.run(main())
    """,
    counted="signal_service.cache.operations",
)  # fmt: skip

DOGPILE = Case(
    versions=(("dogpile.cache==1.1.8",), ("dogpile.cache==1.5.0",)),
    instrumentor="dogpile_cache:DogpileCacheInstrumentor",
    program="""
import threading
from dogpile.cache import make_region
from dogpile.cache.api import NO_VALUE
prices = make_region(name="price").configure("dogpile.cache.memory", expiration_time=3600)
greeks_region = make_region().configure("dogpile.cache.memory")
print(prices.get_or_create("a", lambda: 1), prices.get_or_create("a", lambda: 2))
print(prices.get("nothing") is NO_VALUE, prices.set("k", None), prices.get("k"), prices.delete("k"))
try:
    prices.get_or_create("boom", lambda: 1 / 0)
except ZeroDivisionError as error:
    print(error)
print(prices.get_or_create_multi(["a", "b", "c"], lambda *keys: [key * 2 for key in keys]))
print(prices.get_multi(["a", "zz"])[0], prices.set_multi({"m": 1, "n": 2}), prices.delete_multi(["m", "n"]))
print(prices.get_or_create("kept", lambda: 5, should_cache_fn=lambda value: False))
@greeks_region.cache_on_arguments()
def delta(x):
    return prices.get_or_create(f"inner-{x}", lambda: x * 2)
print(delta(1), delta(1), delta.refresh(1), delta.invalidate(1), delta(1))
prices.invalidate()
print(prices.get_or_create("a", lambda: 9))
made = []
def runner(cache, key, creator, mutex):  # creates elsewhere, while the old value is given
    def work():
        try:
            made.append(creator())
            cache.set(key, made[-1])
        finally:
            mutex.release()
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
slow = make_region(name="slow", async_creation_runner=runner)
slow.configure("dogpile.cache.memory", expiration_time=0.0001)
print(slow.get_or_create("s", lambda: "old"))
import time; time.sleep(0.01)  # sleep: until the entry has expired
print(slow.get_or_create("s", lambda: "new"), made)
""",
    expected={
        OPERATIONS: {
            ("price", "get", "miss"): 9,
            ("price", "get", "hit"): 6,
            ("price", "set", "ok"): 8,
            ("price", "delete", "ok"): 3,
            ("greeks", "get", "miss"): 2,
            ("greeks", "get", "hit"): 1,
            ("greeks", "set", "ok"): 3,
            ("greeks", "delete", "ok"): 1,
            ("slow", "get", "miss"): 1,
            ("slow", "get", "hit"): 1,
            ("slow", "set", "ok"): 2,
        },
    },
    names=("dogpile.cache.region:CacheRegion.get_or_create", "dogpile.cache.region:CacheRegion._log_time",
           "dogpile.cache.region:CacheRegion.__init__"),
    call="import dogpile.cache as d\nd.make_region().configure('dogpile.cache.memory').get('x')",
    counted="signal_service.cache.operations",
)  # fmt: skip

CACHES = {"cachetools": CACHETOOLS, "aiocache": AIOCACHE, "cashews": CASHEWS, "dogpile.cache": DOGPILE}
