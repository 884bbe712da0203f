"""Targets files: functions are measured without an edit, and every error has a clear message."""

from __future__ import annotations

import importlib
import logging
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.collector.conftest import Collector
from tests.instrumentation.environments import environment
from tests.instrumentation.programs import launch

from signalscope import contract
from signalscope.instrumentation.targets import TargetsInstrumentor, _target
from signalscope.instrumentation.targets import _file as _targets_file
from signalscope.instrumentation.targets._check import check
from signalscope.instrumentation.targets._sources import NotReadableError
from signalscope.instrumentation.targets._suggest import suggest, to_toml
from signalscope.testing import Captured, capture

PRICING = """
import functools, sys
print("imported", file=sys.stderr)

def delta(spot, strike, sigma=0.2):
    return 0.5

def chain_greeks(spot, strikes, model="black_scholes"):
    return [delta(spot, strike) for strike in strikes]

def _private(spot):
    return 0.0

class Engine:
    def price(self, option):
        return 1.0

    @staticmethod
    def gamma(spot):
        return float("nan")

class American(Engine):
    pass

class Cache:
    def get(self, key):
        return {"found": key == "here"}

class Desk:
    @functools.singledispatchmethod
    def open(self, day):
        self.__look(day)
    def __look(self, day):
        pass

theta = lambda spot: -1.0

class Worker:
    async def process(self, order):
        if order["broken"]:
            raise ValueError("broken")
        return order

def rows(table):
    yield from range(3)

async def quote(symbol, api):
    return symbol
"""
SIGNALS = """
from zt_service.pricing import delta as imported_by_name
from zt_service import pricing

class Strategy:
    def __init__(self):
        from zt_service.pricing import chain_greeks
        self.chain_greeks = chain_greeks

def signal(symbol):
    imported_by_name(100, 90)
    return {"direction": "buy", "meta": {"source": "nse"}}

def nothing():
    return None

def also_nothing():
    return None
"""
TASK = "signal_service_background_task_seconds"
TARGETS = """
[[target]]
path = "zt_service.pricing:chain_greeks"
kind = "greeks"
calculation_type = "chain"
model_type = { arg = "model" }
batch_size = { arg = "strikes" }

[[target]]
path = "zt_service.pricing:delta"
kind = "greeks"
model_type = "black_scholes"

[[target]]
path = "zt_service.*:Engine.*"
kind = "greeks"
model_type = "heston"

[[target]]
path = "zt_service.signals:signal"
kind = "signal"
data_source = { result = "meta.source" }
emitted = { result = "direction" }

[[target]]
path = "zt_service.pricing:Cache.get"
kind = "cache"
cache_type = "greeks"
hit = { result = "found" }

[[target]]
path = "zt_service.pricing:Worker.process"
kind = "queue"
queue_type = "orders"
priority = { arg = "order.priority" }

[[target]]
path = "zt_service.pricing:rows"
kind = "query"
table = { arg = "table" }

[[target]]
path = "zt_service.pricing:quote"
kind = "dependency"
service_name = "ticker_service"
operation = { arg = "api" }
criticality = "critical"
"""


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Write a user's package that is not imported yet, and return its folder."""
    package = tmp_path / "zt_service"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "pricing.py").write_text(PRICING, encoding="utf-8")
    (package / "signals.py").write_text(SIGNALS, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    yield tmp_path
    if TargetsInstrumentor().active:
        TargetsInstrumentor().uninstrument()
    for name in [name for name in sys.modules if name.startswith("zt_service")]:
        del sys.modules[name]


@pytest.fixture
def captured() -> Iterator[Captured]:
    """Return the recorded metrics."""
    with capture() as captured:
        yield captured


@pytest.fixture
def write(service: Path) -> Callable[[str], Path]:
    """Return a function that writes a targets file."""

    def _write(text: str) -> Path:
        path = service / "targets.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return _write


async def test_every_kind_and_every_source_of_a_value(
    write: Callable[[str], Path], captured: Captured
) -> None:
    """Values are constants, arguments, paths in them and fields of results, for functions of every kind."""
    TargetsInstrumentor().instrument(targets=write(TARGETS))
    assert not [name for name in sys.modules if name.startswith("zt_service")]
    signals = importlib.import_module("zt_service.signals")
    pricing = signals.pricing
    strategy = signals.Strategy()
    strategy.chain_greeks(100, [90, 100, 110])
    signals.signal("X")
    pricing.Engine().price(None)
    pricing.Engine.gamma(100)
    for key in ("here", "away", "here"):
        pricing.Cache().get(key)
    await pricing.Worker().process({"broken": False, "priority": "high"})
    with pytest.raises(ValueError, match="broken"):
        await pricing.Worker().process({"broken": True, "priority": "low"})
    assert list(pricing.rows("trades")) == [0, 1, 2]
    await pricing.quote("X", api="last")

    seconds = "signal_service_greeks_calculation_seconds"
    assert (
        captured.count(seconds, calculation_type="chain", model_type="black_scholes", batch_size="2-10") == 1
    )
    assert captured.value("signal_service_greeks_options_total", calculation_type="chain") == 3
    assert captured.count(seconds, calculation_type="delta", model_type="black_scholes") == 1
    assert captured.count(seconds, calculation_type="price", model_type="heston") == 1
    assert captured.count(seconds, calculation_type="gamma", outcome="invalid") == 1
    assert captured.count("signal_service_signal_generation_seconds", data_source="nse") == 1
    assert captured.value("signal_service_signals_emitted_total", direction="buy") == 1
    assert captured.value("signal_service_cache_operations_total", result="hit") == 2
    assert captured.value("signal_service_cache_operations_total", result="miss") == 1
    assert captured.value("signal_service_queue_items_total", priority="high", event="processed") == 1
    assert captured.value("signal_service_queue_items_total", priority="low", event="failed") == 1
    assert captured.count("signal_service_database_query_seconds", table="trades") == 1
    duration = "signal_service_external_service_duration_seconds"
    assert captured.count(duration, service_name="ticker_service", operation="last") == 1
    assert captured.value("signalscope_internal_errors_total") is None


def test_undone_everything_is_the_same_object(write: Callable[[str], Path]) -> None:
    """The same objects are restored in all modules, also after a late and a second `instrument`."""
    signals = importlib.import_module("zt_service.signals")
    before = signals.imported_by_name, vars(signals.pricing.Engine)["gamma"]
    instrumentor = TargetsInstrumentor()
    instrumentor.instrument(targets=write(TARGETS))
    instrumentor.instrument(targets=write(TARGETS))
    assert signals.imported_by_name is signals.pricing.delta is not before[0]
    instrumentor.uninstrument()
    assert (signals.imported_by_name, vars(signals.pricing.Engine)["gamma"]) == before
    assert signals.pricing.delta is before[0]


def test_a_broken_entry_is_logged_and_the_others_work(
    write: Callable[[str], Path], captured: Captured, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has file, line and key; the program is not affected."""
    path = write(
        '[[target]]\npath = "zt_service.pricing:dleta"\nkind = "greeks"\n'
        '[[target]]\npath = "zt_service.pricing:delta"\nkind = "greeks"\n'
        '[[target]]\npath = "zt_service.pricing:chain_greeks"\nkind = "greeks"\nbatch_size = { arg = "strike" }\n'
    )
    TargetsInstrumentor().instrument(targets=path)
    pricing = importlib.import_module("zt_service.pricing")
    pricing.delta(100, 90)
    assert captured.count("signal_service_greeks_calculation_seconds", calculation_type="delta") == 1
    assert f"{path}:2: path: zt_service.pricing has no 'dleta'; did you mean 'delta'?" in caplog.text
    wrong = "zt_service.pricing:chain_greeks: batch_size: chain_greeks has no parameter 'strike'"
    assert f"{path}:7: {wrong}; did you mean 'strikes'?" in caplog.text


def test_a_module_that_never_loads_is_reported_in_one_line(
    service: Path, write: Callable[[str], Path]
) -> None:
    """A module that does not exist is reported once; one that exists, and is not imported, is not."""
    path = write(
        '[[target]]\npath = "zt_service.prcing:delta"\nkind = "greeks"\n'
        '[[target]]\npath = "zt_service.prcing:gamma"\nkind = "greeks"\n'
        '[[target]]\npath = "zt_service.pricing:delta"\nkind = "greeks"\n'
    )
    program = (
        "from signalscope.instrumentation.targets import TargetsInstrumentor as T; import sys\n"
        "T().instrument(targets=sys.argv[1])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, path], cwd=service, capture_output=True, text=True, check=True
    )
    assert done.stderr.splitlines() == [
        f"signalscope: {path}:2: path: the module 'zt_service.prcing' does not exist [SS428]"
    ]


MISTAKES = {
    'kind = "greek"\npath = "a:b"': ("2: kind: 'greek' is not known; did you mean 'greeks'?"),
    'path = "a.b.c"\nkind = "greeks"': "2: path: 'a.b.c' is not module:function or module:Class.method; did you mean",
    'kind = "greeks"': "1: path: is missing",
    'path = "__main__:f"\nkind = "task"': "2: path: '__main__:f' is the started program, which is not imported; move",
    'path = "*:delta"\nkind = "task"': "2: path: '*:delta' matches every module; begin with a package [SS414]",
    'path = "a:b"\nkind = "queue"\nstep = "put"\nenqueued_at = { arg = "x" }': "5: enqueued_at: differs for each",
    'path = "a:b"': "1: kind: is missing",
    'path = "a:b"\nkind = "greeks"\nmodel = "x"': "4: model: is not an option of greeks; did you mean 'model_type'?",
    'path = "a:b"\nkind = "greeks"\nmodel_type = "hestn"': "4: model_type: 'hestn' is not allowed; did you mean",
    'path = "a:b"\nkind = "greeks"\nvectorized = "yes"': "4: vectorized: 'yes' is not true or false",
    'path = "a:b"\nkind = "greeks"\nbatch_size = "many"': "4: batch_size: 'many' is not a number of options",
    'path = "a:b"\nkind = "greeks"\nmodel_type = { argument = "x" }': "4: model_type: write a constant",
    'path = "a:b"\nkind = "greeks"\nspan = "sometimes"': "4: span: 'sometimes' is not allowed",
    'path = "a:b"\nkind = "cache"\nmiss_on = "KeyErr"': "4: miss_on: 'KeyErr' is not a built-in exception; did you",
    'path = "a:b"\nkind = "dependency"\ncriticality = "low"': "4: criticality: 'low' is not allowed",
    'path = "a:b"\nkind = "queue"\n\n[target.priority]\nargument = "x"': "5: priority: write a constant",
}  # fmt: skip


@pytest.mark.parametrize("entry", MISTAKES)
def test_errors_have_line_key_and_way_out(entry: str, tmp_path: Path) -> None:
    """The reader raises no exception, and keeps the valid entries."""
    path = tmp_path / "targets.toml"
    path.write_text(f'[[target]]\n{entry}\n[[target]]\npath = "c:d"\nkind = "task"\n', encoding="utf-8")
    targets, problems = _targets_file.read(path)
    assert [target.path for target in targets] == ["c:d"]
    (problem,) = problems
    assert str(problem).startswith(f"{path}:{MISTAKES[entry]}"), problem


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[[target]\n", "targets.toml:1: is not TOML"),
        (b"\xff", "targets.toml: is not UTF-8"),
        (b"", "targets.toml: has no entry; write one as [[target]]"),
        (
            b'[[target]]\npath = "a:b"\nkind = "task"\n[[targets]]\n',
            "targets.toml:4: targets: is not known; did you mean 'target'?",
        ),
        (None, "targets.toml: cannot be read: No such file or directory"),
    ],
)
def test_a_file_that_cannot_be_used(content: bytes | None, message: str, tmp_path: Path) -> None:
    """The result has one problem with the reason."""
    path = tmp_path / "targets.toml"
    if content is not None:
        path.write_bytes(content)
    (problem,) = _targets_file.read(path)[1]
    assert message in str(problem)
    assert re.search(r" \[SS41[12]\]\Z", str(problem))


def test_options_of_every_kind_are_those_of_its_decorator() -> None:
    """The options are those of the decorator; each kind records metrics of the contract."""
    assert _target.options_of("greeks")[:3] == ["calculation_type", "model_type", "vectorized"]
    for kind, decorator in _target.KINDS.items():
        assert _target.options_of(kind)
        assert any(instrument.emitted_by == f"@{decorator.__name__}" for instrument in contract.instruments())


def test_check_tells_what_is_found_without_importing(
    write: Callable[[str], Path], capfd: pytest.CaptureFixture[str]
) -> None:
    """`check` shows signature, metrics and attributes of each entry; no code of the program runs."""
    checked, problems = check(write(TARGETS))
    assert (problems, [entry.problems for entry in checked]) == ([], [[]] * 8)
    chain = checked[0]
    assert [(function.path, function.signature) for function in chain.functions] == [
        ("zt_service.pricing:chain_greeks", "def chain_greeks(spot, strikes, model='black_scholes')")
    ]
    assert "signal_service_greeks_calculation_seconds" in chain.records
    assert chain.attributes["batch_size"] == "argument strikes"
    assert [function.path for function in checked[2].functions] == [
        "zt_service.pricing:Engine.price",
        "zt_service.pricing:Engine.gamma",
    ]
    assert checked[5].functions[0].signature == "async def process(self, order)"
    assert "imported" not in capfd.readouterr().err


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            'path = "zt_service.pricng:delta"\nkind = "greeks"',
            "module 'zt_service.pricng' does not exist; did you mean",
        ),
        ('path = "zt_servic.pricing:delta"\nkind = "greeks"', "module 'zt_servic.pricing' does not exist"),
        ('path = "zt_service.pricing:Engine.prce"\nkind = "greeks"', "did you mean 'Engine.price'?"),
        ('path = "zt_service.pricing:Engine"\nkind = "greeks"', "is a class; name a method"),
        ('path = "zt_service.pricing:vega*"\nkind = "greeks"', "matches no function"),
        ('path = "zt_service.pricing:Desk.open"\nkind = "task"', "is a singledispatchmethod, which is not"),
        (
            'path = "zt_service.pricing:Desk.__look"\nkind = "task"',
            "did you mean 'Desk._Desk__look'?",
        ),
        (
            'path = "zt_service.pricing:delta"\nkind = "greeks"\nbatch_size = { arg = "strikes" }',
            "delta has no parameter 'strikes'; did you mean 'strike'?",
        ),
    ],
)
def test_check_tells_what_is_wrong(write: Callable[[str], Path], entry: str, message: str) -> None:
    """`check` names the nearest existing name, for the source and for an import."""
    path = write(f"[[target]]\n{entry}\n")
    (checked,), _ = check(path)
    assert [message in str(problem) for problem in checked.problems] == [True], checked.problems
    assert re.search(r" \[SS42\d\]\Z", str(checked.problems[0]))
    (checked,), _ = check(path, imports=True)
    assert checked.problems


def test_check_follows_imports_and_base_classes(write: Callable[[str], Path]) -> None:
    """Imported and inherited functions are found in the module that defines them."""
    entries = ("signals:imported_by_name", "pricing:American.price", "pricing:Desk._Desk__look")
    text = "".join(f'[[target]]\npath = "zt_service.{entry}"\nkind = "task"\n' for entry in entries)
    checked, _ = check(write(text))
    assert [entry.problems for entry in checked] == [[], [], []]
    assert [entry.functions[0].note.partition(":")[0] for entry in checked] == [
        "defined in zt_service.pricing",
        "inherited from zt_service.pricing",
        "",
    ]


def test_check_looks_up_patterns_of_top_level_modules(write: Callable[[str], Path]) -> None:
    """A program without a package may have several modules in one folder."""
    path = write('[[target]]\npath = "zt_serv*.pricing:delta"\nkind = "greeks"\n')
    for imports in (False, True):
        (checked,), _ = check(path, imports=imports)
        assert ([function.path for function in checked.functions], checked.problems) == (
            ["zt_service.pricing:delta"],
            [],
        )


def test_check_says_what_only_an_import_can_tell(write: Callable[[str], Path]) -> None:
    """An assigned name may have any value: only an import shows it."""
    path = write('[[target]]\npath = "zt_service.pricing:theta"\nkind = "greeks"\n')
    ((checked,), _), ((imported,), _) = check(path), check(path, imports=True)
    assert "'theta' is assigned, not defined; use `--import` to find it" in str(checked.problems[0])
    assert (imported.problems, imported.functions[0].signature) == ([], "def theta(spot)")


def test_check_names_the_metrics_of_the_step(write: Callable[[str], Path]) -> None:
    """A put into a queue does not record a waiting time."""
    path = write('[[target]]\npath = "zt_service.pricing:quote"\nkind = "queue"\nstep = "put"\n')
    assert check(path)[0][0].records == ["signal_service_queue_items_total"]


def test_suggestions_are_a_file_that_check_accepts(
    write: Callable[[str], Path], capfd: pytest.CaptureFixture[str]
) -> None:
    """Greeks, signals, caches and queues are found by names and parameters, and nothing is imported."""
    suggestions, unread = suggest("zt_service")
    assert unread == []
    assert {(suggestion.path.partition(":")[2], suggestion.kind) for suggestion in suggestions} == {
        ("delta", "greeks"),
        ("chain_greeks", "greeks"),
        ("Engine.price", "greeks"),
        ("Engine.gamma", "greeks"),
        ("Cache.get", "cache"),
        ("Worker.process", "queue"),
        ("signal", "signal"),
    }
    checked, problems = check(write(to_toml("zt_service", suggestions)))
    assert (problems, [entry.problems for entry in checked]) == ([], [[]] * len(suggestions))
    assert "imported" not in capfd.readouterr().err


def test_a_folder_without_init_gives_the_suggestions_of_its_modules(service: Path) -> None:
    """The folder itself has no source, and this is not a problem unless it has no modules either."""
    (service / "zt_folder").mkdir()
    with pytest.raises(NotReadableError, match="a namespace package"):
        suggest("zt_folder")
    (service / "zt_folder" / "pricing.py").write_text("def delta(spot, strike): ...\n", encoding="utf-8")
    suggestions, unread = suggest("zt_folder")
    assert ([suggestion.path for suggestion in suggestions], unread) == (["zt_folder.pricing:delta"], [])


def test_suggestions_go_by_what_functions_do_and_not_by_their_docstrings(service: Path) -> None:
    """A docstring is not SQL; parameters may have other spellings."""
    (service / "zt_service" / "others.py").write_text(
        textwrap.dedent("""
            def pick(rows, n):
                \"\"\"Select the best rows from the book.\"\"\"
                return rows[:n]
            def read(cursor):
                \"\"\"Update from the store.\"\"\"
                return cursor.execute("SELECT * FROM orders")
            def get_delta(option_type, d1, years_to_maturity, y=0.0):
                return 0.5
            def chainGreeks(Strikes, spotPrice):
                return []
        """),
        encoding="utf-8",
    )
    suggestions = {
        suggestion.path.partition(":")[2]: (suggestion.kind, dict(suggestion.options))
        for suggestion in suggest("zt_service.others")[0]
    }
    assert suggestions == {
        "read": ("query", {"table": '"orders"', "operation": '"select"'}),
        "get_delta": ("greeks", {"calculation_type": '"delta"'}),
        "chainGreeks": ("greeks", {"calculation_type": '"chain"', "batch_size": '{ arg = "Strikes" }'}),
    }


def test_suggestions_have_the_model_the_batch_and_leave_out_routes(service: Path) -> None:
    """Annotations, docstrings and calls are read; a loop is not vectorised, and requests are measured already."""
    (service / "zt_service" / "bulk.py").write_text(
        textwrap.dedent("""
            def chain_greeks(spot: float, ks: np.ndarray, sigma: float):
                \"\"\"Greeks of a chain, by Black-Scholes.\"\"\"
                return norm.cdf(ks / spot)
            def price_options(spot, strike, legs: list[Leg]):
                return [heston_price(leg) for leg in legs]
            def delta(frame: pd.DataFrame, spot, strike):
                return frame.spot / frame.strike
            def gamma(spot, strike, sigma):
                return bachelier(spot, strike)
            def vega(spot: float, strike: float):
                return 1.0
            @app.get("/greeks/{strike}")
            def get_greeks(spot, strike):
                return delta(spot, strike)
            @router.post(path="/signal")
            async def generate_signal(symbol):
                return {}
            class Greeks(HTTPEndpoint):
                def price(self, spot, strike):
                    return 1.0
            @cache.get_or_create("key")
            def theta(spot, strike):
                return 1.0
        """),
        encoding="utf-8",
    )
    suggestions = {
        suggestion.path.partition(":")[2]: dict(suggestion.options)
        for suggestion in suggest("zt_service.bulk")[0]
    }
    assert suggestions == {
        "chain_greeks": {
            "calculation_type": '"chain"', "model_type": '"black_scholes"', "batch_size": '{ arg = "ks" }',
            "vectorized": "true",
        },
        "price_options": {
            "calculation_type": '"price"', "model_type": '"heston"', "batch_size": '{ arg = "legs" }',
        },
        "delta": {"calculation_type": '"delta"', "batch_size": '{ arg = "frame" }', "vectorized": "true"},
        "gamma": {"calculation_type": '"gamma"', "model_type": '"bachelier"'},
        "vega": {"calculation_type": '"vega"'},
        "theta": {"calculation_type": '"theta"'},
    }  # fmt: skip


def test_the_command(write: Callable[[str], Path], service: Path) -> None:
    """`targets check FILE` accepts the output of `targets suggest PACKAGE`; a wrong file ends with status 1."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [Path(sys.executable).with_name("signalscope"), "targets", *arguments],
            capture_output=True, text=True, check=False, timeout=60, cwd=service,
        )  # fmt: skip

    suggested = run("suggest", "zt_service")
    assert suggested.returncode == 0, suggested.stderr
    path = write(suggested.stdout)
    checked = run("check", path.name)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "7 entries, 7 functions; no errors." in checked.stdout
    assert "def chain_greeks(spot, strikes, model='black_scholes')" in checked.stdout
    write("\n" * 98 + '[[target]]\npath = "zt_service.pricing:dleta"\nkind = "greeks"\n')
    wrong = run("check", path.name)
    assert wrong.returncode == 1
    assert "targets.toml:100: path: zt_service.pricing has no 'dleta'; did you mean 'delta'?" in wrong.stderr
    nowhere = run("suggest", "zt_servic")
    message = (
        "error: module 'zt_servic' does not exist; give a package or module as in `import NAME` [SS713]\n"
    )
    assert (nowhere.returncode, nowhere.stderr) == (1, message)


@pytest.mark.needs("collector")
def test_a_program_under_the_launcher(service: Path, collector: Collector) -> None:
    """The variable is sufficient; an entry for a library's function replaces the library's measurement."""
    targets = service / "mine.toml"
    path = "vollib.black_scholes.greeks.analytical:delta"
    entry = f'[[target]]\npath = "{path}"\nkind = "greeks"\nmodel_type = "sabr"\n'
    targets.write_text(TARGETS + entry, encoding="utf-8")
    program = """
        from zt_service.signals import signal, Strategy
        from vollib.black_scholes.greeks.analytical import delta, gamma
        signal("X")
        Strategy().chain_greeks(100, [90, 100])
        print(delta("c", 100, 90, .5, .01, .2), gamma("c", 100, 90, .5, .01, .2))
    """
    ran = launch(
        collector, environment("vollib==1.0.11"), textwrap.dedent(program), service,
        SIGNALSCOPE_TARGETS=str(targets), PYTHONPATH=str(service),
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert ran.series.by(
        "signal_service_greeks_calculation_seconds_count", "calculation_type", "model_type"
    ) == {
        ("delta", "black_scholes"): 1,  # inside the signal
        ("chain", "black_scholes"): 1,
        ("delta", "sabr"): 1,
        ("gamma", "black_scholes"): 1,
    }
    assert ran.series.sum("signal_service_signals_emitted_total", direction="buy") == 1


def test_configure_applies_a_file(service: Path) -> None:
    """`configure(targets=...)` and the variable apply a file, also to modules that were imported before."""
    path = service / "targets.toml"
    path.write_text(TARGETS, encoding="utf-8")
    program = f"""
        import os, sys
        sys.path.insert(0, {str(service)!r})
        from zt_service.signals import imported_by_name
        import signalscope
        signalscope.configure(service_name="x", **eval(sys.argv[1]))
        import zt_service.pricing
        assert hasattr(imported_by_name, "__wrapped__") and imported_by_name is zt_service.pricing.delta
    """
    for arguments, more in ((f"dict(targets={str(path)!r})", {}), ("{}", {"SIGNALSCOPE_TARGETS": str(path)})):
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program), arguments],
            env=os.environ | more, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


def test_functions_of_every_make(
    write: Callable[[str], Path], service: Path, captured: Captured, caplog: pytest.LogCaptureFixture
) -> None:
    """Cached functions, partials, nested classes and names that a package only imports."""
    (service / "zt_service" / "made.py").write_text(
        textwrap.dedent("""
            import functools
            @functools.lru_cache
            def cached(spot):
                return 0.5
            def plain(scale, spot):
                return scale * spot
            half = functools.partial(plain, 0.5)
            class Outer:
                class Inner:
                    @functools.lru_cache
                    def vega(self, spot):
                        return 1.0
        """),
        encoding="utf-8",
    )
    (service / "zt_service" / "__init__.py").write_text(
        "from zt_service.made import plain\n", encoding="utf-8"
    )
    paths = (
        "zt_service.made:cached",
        "zt_service.made:half",
        "zt_service.made:Outer.Inner.vega",
        "zt_service:plain",
    )
    entries = (
        f'[[target]]\npath = "{path}"\nkind = "greeks"\ncalculation_type = "delta"\n' for path in paths
    )
    TargetsInstrumentor().instrument(targets=write("".join(entries)))
    made = importlib.import_module("zt_service.made")
    inner = made.Outer.Inner()
    assert (made.cached(100), made.cached(100), made.half(1.0), inner.vega(100), made.plain(1, 1)) == (
        0.5, 0.5, 0.5, 1.0, 1,
    )  # fmt: skip
    assert (made.cached.cache_info().hits, made.half.args) == (1, (0.5,))
    assert captured.count("signal_service_greeks_calculation_seconds") == 5
    assert caplog.records == []


def test_properties_of_every_make(
    write: Callable[[str], Path], service: Path, captured: Captured, caplog: pytest.LogCaptureFixture
) -> None:
    """Cached, inherited and user-defined properties, also with a setter, by name and by pattern as in `check`."""
    (service / "zt_service" / "made.py").write_text(
        textwrap.dedent("""
            import functools
            class classproperty(property):
                def __get__(self, instance, owner=None):
                    return self.fget(owner)
            class Option:
                def __init__(self, spot):
                    self.spot = spot
                @functools.cached_property
                def gamma(self):
                    return self.spot / 1000
                @property
                def vega(self):
                    return self.spot / 10
                @vega.setter
                def vega(self, value):
                    self.spot = value * 10
                @classproperty
                def rho(cls):
                    return 0.1
                @functools.singledispatchmethod
                def theta(self, day):
                    return -1.0
            class American(Option):
                @property
                def vega(self):
                    return super().vega + 1
        """),
        encoding="utf-8",
    )
    path = write(
        """
        [[target]]
        path = "zt_service.made:Option.*"
        kind = "task"
        task_type = "any"

        [[target]]
        path = "zt_service.made:American.vega"
        kind = "task"
        task_type = "american"
        """
    )
    methods, imported = (
        [function.path.partition(".Option.")[2] for function in check(path, imports=imports)[0][0].functions]
        for imports in (False, True)
    )
    assert methods == imported
    made: Any = importlib.import_module("zt_service.made")
    originals = dict(vars(made.Option))
    TargetsInstrumentor().instrument(targets=path)
    option, american = made.Option(100), made.American(200)
    option.vega = 30
    assert [type(value) for value in (option.gamma, american.vega)] == [float, float]
    assert (option.gamma, option.vega, american.vega, made.Option.rho, option.theta(1), vars(option)) == (
        0.3, 30.0, 21.0, 0.1, -1.0, {"spot": 300, "gamma": 0.3},
    )  # fmt: skip
    counted = {point.labels["task_type"]: point.count for point in captured.points(TASK)}
    assert counted == {"any": 5, "american": 2}  # gamma counts once for two reads; theta is not replaced
    assert caplog.records == []
    TargetsInstrumentor().uninstrument()
    assert dict(vars(made.Option)) == originals


def test_methods_that_descriptors_make(
    write: Callable[[str], Path], service: Path, captured: Captured, caplog: pytest.LogCaptureFixture
) -> None:
    """A method with a cache of cachetools: its descriptor itself cannot be called."""
    (service / "zt_service" / "made.py").write_text(
        textwrap.dedent("""
            import operator
            from cachetools import LRUCache, cachedmethod
            class Surface:
                def __init__(self):
                    self.cache = LRUCache(4)
                @cachedmethod(operator.attrgetter("cache"))
                def iv(self, strike):
                    return strike / 1000
        """),
        encoding="utf-8",
    )
    path = write(
        '[[target]]\npath = "zt_service.made:Surface.iv"\nkind = "greeks"\nmodel_type = "sabr"\n'
        'batch_size = { arg = "strike" }\n'
    )
    TargetsInstrumentor().instrument(targets=path, request_hook=lambda *_: None)
    made: Any = importlib.import_module("zt_service.made")
    first, second = made.Surface(), made.Surface()
    assert [first.iv(100), first.iv(100), second.iv(200)] == [0.1, 0.1, 0.2]
    assert len(first.cache) == 1
    assert (
        captured.count("signal_service_greeks_calculation_seconds", calculation_type="iv", model_type="sabr")
        == 3
    )
    assert captured.value("signal_service_greeks_options_total") == 400
    assert caplog.records == []


def test_a_decorator_around_a_static_method_is_left_alone(
    write: Callable[[str], Path], service: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A proxy of wrapt reports the class of its content; the log says which method to name instead."""
    (service / "zt_service" / "made.py").write_text(
        textwrap.dedent("""
            import wrapt
            @wrapt.decorator
            def passing(wrapped, instance, args, kwargs):
                return wrapped(*args, **kwargs)
            class Engine:
                @passing
                @staticmethod
                def price(strike):
                    return strike / 2
        """),
        encoding="utf-8",
    )
    TargetsInstrumentor().instrument(
        targets=write('[[target]]\npath = "zt_service.made:Engine.price"\nkind = "greeks"\n')
    )
    made: Any = importlib.import_module("zt_service.made")
    assert (made.Engine.price(2), made.Engine().price(4)) == (1, 2)
    assert "Engine.price is a FunctionWrapper around a static or class method" in caplog.text


async def test_what_is_none_leads_nowhere(write: Callable[[str], Path], captured: Captured) -> None:
    """With None in a path, no signal is emitted, the value is `other`, a get is a miss, and no error is counted."""
    TargetsInstrumentor().instrument(
        targets=write(
            """
            [[target]]
            path = "zt_service.signals:nothing"
            kind = "signal"
            data_source = { result = "meta.source" }
            emitted = { result = "direction" }

            [[target]]
            path = "zt_service.signals:also_nothing"
            kind = "cache"
            cache_type = { result = "name" }
            hit = { result = "found" }
            """
        )
    )
    signals: Any = importlib.import_module("zt_service.signals")
    assert (signals.nothing(), signals.also_nothing()) == (None, None)
    assert captured.value("signal_service_signal_generation_seconds", data_source="other") is not None
    assert captured.value("signal_service_cache_operations_total", cache_type="other", result="miss") == 1
    assert captured.points("signal_service_signals_emitted_total") == []
    assert captured.points("signalscope_internal_errors_total") == []


def test_what_numba_has_compiled_is_left_alone(service: Path) -> None:
    """A replacement would break other compiled functions; the log says which function to name."""
    (service / "zt_service" / "compiled.py").write_text(
        "import numba\n@numba.njit\ndef inner(x):\n    return x + 1.0\n"
        "@numba.njit\ndef outer(x):\n    return inner(x)\n",
        encoding="utf-8",
    )
    path = service / "targets.toml"
    path.write_text('[[target]]\npath = "zt_service.compiled:*"\nkind = "task"\n', encoding="utf-8")
    program = f"""
        from signalscope.instrumentation.targets import TargetsInstrumentor
        TargetsInstrumentor().instrument(targets={str(path)!r})
        from zt_service.compiled import outer
        print(outer(1.0), [problem.message.partition(";")[0] for problem in TargetsInstrumentor().problems])
    """
    where = environment("py_vollib_vectorized==0.1.1", "py_vollib==1.0.1", "py_lets_be_rational==1.0.1")
    done = subprocess.run(
        [where.python, "-c", textwrap.dedent(program)],
        capture_output=True, text=True, check=False, timeout=120, cwd=service,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("2.0 ")
    assert done.stdout.count("is compiled by Numba") == 2


def test_a_module_that_is_being_imported_is_waited_for(
    service: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A package may apply the file in its own `__init__`, before it defines the named functions."""
    path = service / "targets.toml"
    path.write_text('[[target]]\npath = "zt_service:late"\nkind = "task"\n', encoding="utf-8")
    (service / "zt_service" / "__init__.py").write_text(
        "from signalscope.instrumentation.targets import TargetsInstrumentor\n"
        f"TargetsInstrumentor().instrument(targets={str(path)!r})\n"
        "def late():\n    return 1\n",
        encoding="utf-8",
    )
    with caplog.at_level(logging.ERROR):
        importlib.import_module("zt_service")
        module = importlib.import_module("zt_service.pricing")
    assert (module.__name__, caplog.records) == ("zt_service.pricing", [])
    assert hasattr(sys.modules["zt_service"].late, "__wrapped__")
