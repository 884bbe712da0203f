"""Greeks libraries in their oldest and newest versions, in programs without any signalscope code."""

from __future__ import annotations

import subprocess
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.collector.conftest import Collector
from tests.instrumentation.cases import each_version
from tests.instrumentation.environments import environment
from tests.instrumentation.programs import launch

SECONDS = "signal_service_greeks_calculation_seconds_count"
OPTIONS = "signal_service_greeks_options_total"
INVALID = "signal_service_greeks_invalid_results_total"


@dataclass(frozen=True)
class Case:
    """Test case for one library.

    Attributes:
        versions: Requirements to install, for each tested version.
        instrumentor: Module and class in `signalscope.instrumentation`.
        program: Source of a user's program; it prints every bit of every value.
        calculations: The number of calculations by calculation type, model and outcome.
        options: The number of options by calculation type.
        invalid: The number of invalid results by reason.
        names: Objects that must be the same after `uninstrument`: ``module:name``.
        call: Source of one calculation, in a program that has imported all modules of `names`.
    """

    versions: tuple[tuple[str, ...], ...]
    instrumentor: str
    program: str
    calculations: Mapping[Any, float]
    options: Mapping[Any, float]
    names: tuple[str, ...]
    call: str
    invalid: Mapping[Any, float] = field(default_factory=dict)
    vectorized: str = "false"


GREEKS = ("delta", "gamma", "theta", "vega", "rho")
SHOW = """
def show(call, *args, **kwargs):
    try:
        value = call(*args, **kwargs)
    except Exception as error:
        value = f"{type(error).__name__}: {error}"
    print(float(value).hex() if isinstance(value, float) else value, flush=True)
"""

VOLLIB = """
from {package}.black_scholes.greeks.analytical import delta, gamma
from {package}.black_scholes.greeks import numerical
from {package}.black_scholes_merton.greeks.analytical import vega
from {package}.black_scholes import black_scholes
import {package}.black
import {package}.black_scholes.implied_volatility as volatility
for strike in (80, 100, 120):
    show(delta, "c", 100, strike, .5, .01, .2)
show(gamma, "c", 100, 90, .5, .01, .2)
show(numerical.delta, "p", 100, 90, .5, .01, .2)  # takes two prices
show(numerical.theta, flag="p", S=100, K=90, t=.5, r=.01, sigma=.2)
show(vega, "c", 100, 90, .5, .01, .2, 0)
show({package}.black.black, "c", 100, 90, .5, .02, .2)
price = black_scholes("c", 100, 90, .5, .01, .2)
show(volatility.implied_volatility, price, 100, 90, .5, .01, "c")
show(volatility.implied_volatility, 1.0, 100, 90, .5, .01, "c")  # below the intrinsic value
show(delta, "c", 100, 90, .5, .01)  # a mistake
show(gamma, "c", 100, 90, .5, .01, float("nan"))
"""
VOLLIB_CALCULATIONS = {
    ("delta", "black_scholes", "success"): 4,
    ("delta", "black_scholes", "error"): 1,
    ("gamma", "black_scholes", "success"): 1,
    ("gamma", "black_scholes", "invalid"): 1,
    ("theta", "black_scholes", "success"): 1,
    ("vega", "black_scholes_merton", "success"): 1,
    ("price", "black", "success"): 1,
    ("price", "black_scholes", "success"): 1,
    ("iv", "black_scholes", "success"): 1,
    ("iv", "black_scholes", "error"): 1,
}
VOLLIB_OPTIONS = {("delta",): 4, ("gamma",): 2, ("theta",): 1, ("vega",): 1, ("price",): 2, ("iv",): 1}
VOLLIB_NAMES = (
    "{0}.black_scholes.greeks.analytical:delta",
    "{0}.black_scholes.greeks.numerical:delta",
    "{0}.black_scholes.greeks.numerical:adelta",
    "{0}.black_scholes.implied_volatility:black_scholes",
    "{0}.black_scholes:black_scholes",
    "{0}.black_scholes:undiscounted_black",
    "{0}.ref_python.black.greeks.analytical:rho",
)


def _vollib(package: str, *versions: tuple[str, ...]) -> Case:
    return Case(
        versions=versions,
        instrumentor={"vollib": "vollib:VollibInstrumentor", "py_vollib": "py_vollib:PyVollibInstrumentor"}[
            package
        ],
        program=VOLLIB.replace("{package}", package),
        calculations=VOLLIB_CALCULATIONS,
        options=VOLLIB_OPTIONS,
        invalid={("nan",): 1},
        names=tuple(name.format(package) for name in VOLLIB_NAMES),
        call=f"sys.modules['{package}.black_scholes.greeks.numerical'].delta('c', 100, 90, .5, .01, .2)",
    )


VECTORIZED = Case(
    versions=(("py_vollib_vectorized==0.1.1", "py_vollib==1.0.1", "py_lets_be_rational==1.0.1"),),
    instrumentor="py_vollib_vectorized:PyVollibVectorizedInstrumentor",
    program="""
import pandas as pd
import py_vollib_vectorized as vectorized
from py_vollib.black_scholes.greeks.numerical import delta
from py_vollib.black_scholes.implied_volatility import implied_volatility
import py_vollib.black_scholes_merton
import py_vollib.black
flags, strikes = ["c", "p", "c"], [90., 100., 110.]
show(lambda: delta(flags, 100., strikes, .5, .01, .2, return_as="numpy").tobytes().hex())
show(lambda: delta(flags, 100., strikes, .5, .01, [.2, .2, float("nan")], return_as="numpy").tobytes().hex())
show(lambda: py_vollib.black_scholes.greeks.numerical.vega(flags, 100., strikes, .5, .01, .2).to_dict())
show(lambda: py_vollib.black.black(flags, 100., strikes, .5, .01, .2).to_dict())
show(lambda: py_vollib.black_scholes_merton.black_scholes_merton(flags, 100., strikes, .5, .01, .2, .0).to_dict())
show(lambda: implied_volatility([12., 5., 3.], 100., strikes, .5, .01, flags, return_as="series").to_dict())
show(lambda: vectorized.get_all_greeks(flags, 100., strikes, .5, .01, .2, model="black_scholes", return_as="dict"))
frame = pd.DataFrame({"f": flags, "S": 100., "K": strikes, "T": .5, "R": .01, "v": .2})
columns = dict(flag_col="f", underlying_price_col="S", strike_col="K", annualized_tte_col="T", riskfree_rate_col="R",
               sigma_col="v", model="black_scholes")
show(lambda: vectorized.price_dataframe(frame, **columns).to_dict())
show(lambda: vectorized.price_dataframe(frame, inplace=True, **columns))
show(lambda: frame.to_dict())
show(lambda: vectorized.vectorized_rho(flags, 100., strikes, .5, .01, .2, model="no_such_model"))
""",
    calculations={
        ("delta", "black_scholes", "success"): 2,
        ("vega", "black_scholes", "success"): 1,
        ("price", "black", "success"): 1,
        ("price", "black_scholes_merton", "success"): 1,
        ("iv", "black_scholes", "success"): 1,
        ("chain", "black_scholes", "success"): 3,
        ("rho", "other", "error"): 1,
    },
    options={("delta",): 6, ("vega",): 3, ("price",): 6, ("iv",): 3, ("chain",): 9},
    invalid={("nan",): 1},
    names=(
        "py_vollib_vectorized:vectorized_delta",
        "py_vollib_vectorized.greeks:delta",
        "py_vollib_vectorized:get_all_greeks",
        "py_vollib.black_scholes.greeks.numerical:delta",
        "py_vollib.black_scholes:black_scholes",
    ),
    call="sys.modules['py_vollib.black_scholes.greeks.numerical'].delta(['c'], 100, [90], .5, .01, .2)",
    vectorized="true",
)

BLACKSCHOLES = Case(
    versions=(("blackscholes==0.1.0",), ("blackscholes==0.2.2",)),
    instrumentor="blackscholes:BlackscholesInstrumentor",
    program="""
from blackscholes import BlackScholesCall, BlackScholesPut, Black76Call, BlackScholesStraddleShort
call = BlackScholesCall(S=100., K=90., T=.5, r=.01, sigma=.2)
show(call.delta)
show(call.price)
show(call.gamma)  # of the base class
show(call.vanna)
show(lambda: sorted((name, value.hex()) for name, value in call.get_all_greeks().items()))
show(Black76Call(F=100., K=90., T=.5, r=.01, sigma=.2).theta)
show(BlackScholesStraddleShort(S=100., K=90., T=.5, r=.01, sigma=.2).vega)  # two options, one structure; negative
show(BlackScholesPut, -1, 90., .5, .01, .2)
class Mine(BlackScholesPut):
    def delta(self):
        return super().delta() + 0.0
show(Mine(S=100., K=90., T=.5, r=.01, sigma=.2).delta)
show(BlackScholesCall(S=100., K=90., T=.5, r=float("nan"), sigma=.2).rho)
""",
    calculations={
        ("delta", "black_scholes_merton", "success"): 2,
        ("price", "black_scholes_merton", "success"): 1,
        ("gamma", "black_scholes_merton", "success"): 1,
        ("other", "black_scholes_merton", "success"): 1,
        ("chain", "black_scholes_merton", "success"): 1,
        ("theta", "black", "success"): 1,
        ("vega", "black_scholes_merton", "success"): 1,
        ("rho", "black_scholes_merton", "invalid"): 1,
    },
    options={
        ("delta",): 2, ("price",): 1, ("gamma",): 1, ("other",): 1, ("chain",): 1, ("theta",): 1, ("vega",): 1,
        ("rho",): 1,
    },
    invalid={("nan",): 1},
    names=(
        "blackscholes:BlackScholesCall.delta",
        "blackscholes.base:BlackScholesBase.gamma",
        "blackscholes.base:BlackScholesStructureBase.vega",
        "blackscholes.base:BlackScholesBase.delta",
    ),
    call="sys.modules['blackscholes'].BlackScholesCall(100., 90., .5, .01, .2).lambda_greek()",
)  # fmt: skip

MIBIAN = Case(
    versions=(("mibian==0.1.3",),),
    instrumentor="mibian:MibianInstrumentor",
    program="""
import mibian
from mibian import BS
def fields(option):
    return sorted((name, str(value)) for name, value in vars(option).items())
show(lambda: fields(BS([100, 95, 1, 30], volatility=20)))
show(lambda: fields(BS([100, 95, 1, 30], volatility=20, performance=True)))
show(lambda: fields(BS([100, 95, 1, 30], callPrice=6.2)))
show(lambda: fields(mibian.GK([1.4565, 1.45, 1, 2, 30], volatility=20)))
show(lambda: fields(mibian.Me([52, 50, 1, 1, 30], putPrice=.8)))
show(BS, [100, 0, 1, 30], volatility=20)
""",
    calculations={
        ("chain", "black_scholes", "success"): 1,
        ("chain", "black_scholes", "error"): 1,
        ("price", "black_scholes", "success"): 1,
        ("iv", "black_scholes", "success"): 1,
        ("chain", "garman_kohlhagen", "success"): 1,
        ("iv", "black_scholes_merton", "success"): 1,
    },
    options={("chain",): 2, ("price",): 1, ("iv",): 2},
    names=("mibian:BS.__init__", "mibian:GK.__init__", "mibian:Me.__init__"),
    call="sys.modules['mibian'].BS([100, 95, 1, 30], callPrice=6.2)",
)

QUANTLIB = Case(
    versions=(("QuantLib==1.28",), ("QuantLib==1.44",)),
    instrumentor="quantlib:QuantLibInstrumentor",
    program="""
import QuantLib as ql
today = ql.Date(15, 5, 2024)
ql.Settings.instance().evaluationDate = today
spot = ql.SimpleQuote(100.0)
curve = ql.YieldTermStructureHandle(ql.FlatForward(today, 0.01, ql.Actual365Fixed()))
vol = ql.BlackVolTermStructureHandle(ql.BlackConstantVol(today, ql.TARGET(), 0.2, ql.Actual365Fixed()))
process = ql.BlackScholesProcess(ql.QuoteHandle(spot), curve, vol)
european = ql.EuropeanOption(ql.PlainVanillaPayoff(ql.Option.Call, 105.0), ql.EuropeanExercise(ql.Date(15, 5, 2025)))
show(european.NPV)  # no engine yet
european.setPricingEngine(ql.AnalyticEuropeanEngine(process))
for greek in ("NPV", "delta", "gamma", "theta", "vega", "rho"):
    show(getattr(european, greek))
show(european.impliedVolatility, 8.0, process)
american = ql.VanillaOption(
    ql.PlainVanillaPayoff(ql.Option.Put, 105.0), ql.AmericanExercise(today, ql.Date(15, 5, 2025)))
american.setPricingEngine(ql.BinomialVanillaEngine(process, "crr", 50))
show(american.NPV)
american.setPricingEngine(ql.BaroneAdesiWhaleyApproximationEngine(process))
show(american.NPV)
show(american.delta)  # which this engine does not provide
european.setPricingEngine(ql.MCEuropeanEngine(process, "pseudorandom", timeSteps=1, requiredSamples=100, seed=42))
show(european.NPV)
heston = ql.HestonProcess(curve, curve, ql.QuoteHandle(spot), .04, 1.0, .04, .5, -.5)
european.setPricingEngine(ql.AnalyticHestonEngine(ql.HestonModel(heston)))
show(european.NPV)
show(ql.blackFormula, ql.Option.Call, 100.0, 105.0, 0.2)
calculator = ql.BlackCalculator(ql.PlainVanillaPayoff(ql.Option.Call, 100.0), 105.0, .2)
show(calculator.value)
""",
    calculations={
        ("price", "other", "error"): 1,
        **dict.fromkeys(
            [(greek, "black_scholes_merton", "success") for greek in (*GREEKS, "price", "iv")], 1
        ),
        ("price", "binomial", "success"): 1,
        ("price", "american_approximation", "success"): 1,
        ("delta", "american_approximation", "error"): 1,
        ("price", "monte_carlo", "success"): 1,
        ("price", "heston", "success"): 1,
        ("price", "black", "success"): 2,
    },
    options={("price",): 7, ("delta",): 1, ("gamma",): 1, ("theta",): 1, ("vega",): 1, ("rho",): 1, ("iv",): 1},
    names=("QuantLib:Instrument.NPV", "QuantLib:OneAssetOption.delta", "QuantLib:Instrument.setPricingEngine",
           "QuantLib:blackFormula"),
    call="sys.modules['QuantLib'].blackFormula(1, 100.0, 105.0, 0.2)",
)  # fmt: skip

CASES = {
    "vollib": _vollib("vollib", ("vollib==1.0.7",), ("vollib==1.0.11",)),
    "py_vollib": _vollib(
        "py_vollib",
        ("py_vollib==1.0.1", "py_lets_be_rational==1.0.1"),
        ("py_vollib==1.0.12", "vollib==1.0.11"),
    ),
    "py_vollib_vectorized": VECTORIZED,
    "blackscholes": BLACKSCHOLES,
    "mibian": MIBIAN,
    "quantlib": QUANTLIB,
}


@pytest.mark.needs("collector")
@each_version(CASES)
def test_a_program_under_the_launcher(
    case: Case, versions: tuple[str, ...], one_collector: Collector, tmp_path: Path
) -> None:
    """Every calculation counts once, with its model and outcome; no bit of a value changes."""
    where = environment(*versions)
    program = SHOW + case.program
    ran = launch(one_collector, where, program, tmp_path)
    assert ran.returncode == 0, ran.stderr
    plain = subprocess.run(
        [where.python, "-c", program], capture_output=True, text=True, check=True, timeout=120, cwd=tmp_path
    )
    assert ran.stdout == plain.stdout
    assert ran.series.by(SECONDS, "calculation_type", "model_type", "outcome") == case.calculations
    assert ran.series.by(SECONDS, "vectorized").keys() == {(case.vectorized,)}
    assert ran.series.by(OPTIONS, "calculation_type") == case.options
    assert ran.series.by(INVALID, "reason") == case.invalid
    assert ran.series.by("signalscope_internal_errors_total", "where") == {}


@each_version(CASES)
def test_uninstrumenting_gives_the_same_objects_back(
    case: Case, versions: tuple[str, ...], tmp_path: Path
) -> None:
    """Two `instrument`, before or after the import, count one calculation; after `uninstrument` nothing counts."""
    module, _, name = case.instrumentor.partition(":")
    program = f"""
        import importlib, logging, operator, sys, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        logging.disable()
        from signalscope.instrumentation.{module} import {name} as Instrumentor
        from signalscope.testing import capture
        names = {case.names!r}
        def objects():
            objects = []
            for qualified in names:
                module, _, path = qualified.partition(":")
                owner, _, last = path.rpartition(".")
                holder = importlib.import_module(module)
                for part in filter(None, owner.split(".")):
                    holder = getattr(holder, part)
                objects.append(vars(holder)[last])
            return objects
        def counted():
            with capture() as captured:
                {case.call}
                return captured.count("signal_service.greeks.calculation")
        early = "early" in sys.argv
        if early:
            Instrumentor().instrument()
        first = objects()
        if early:
            assert counted() == 1, counted()
            Instrumentor().uninstrument()
        originals = objects()
        assert [value for value in originals if hasattr(value, "__wrapped__") and not hasattr(value, "func")] == []
        assert counted() == 0
        for _ in range(2):
            Instrumentor().instrument()
            Instrumentor().instrument()
            assert counted() == 1, counted()
            changed = objects()
            assert any(map(operator.is_not, changed, originals))
            Instrumentor().uninstrument()
            assert all(map(operator.is_, objects(), originals)), list(zip(names, objects(), originals))
            assert counted() == 0
    """
    path = tmp_path / "identity.py"
    path.write_text(textwrap.dedent(program), encoding="utf-8")
    for moment in ("early", "late"):
        done = subprocess.run(
            [environment(*versions).python, path, moment],
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
