"""Suggesting entries of a targets file: functions of a package that look like parts of a signal service.

Suggestions come from names, parameters and plain statements of the source. Nothing is imported. Options that cannot
be known are left out.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from signalscope import contract
from signalscope.instrumentation.targets._sources import Function, Module, NotReadableError, find, submodules

_MARKET = {
    "s", "k", "t", "r", "sigma", "vol", "volatility", "iv", "strike", "strikes", "spot", "spots", "expiry",
    "maturity", "tte", "underlying", "forward", "option", "options", "chain", "flag", "is_call", "option_type",
    "positions", "s0", "d1", "d2", "years_to_maturity", "time_to_maturity", "years_to_expiry", "time_to_expiry",
    "days_to_expiry", "call_put", "opt_type", "spot_price", "strike_price", "implied_volatility", "risk_free_rate",
    "dividend_yield",
}  # fmt: skip
_MANY = ("strikes", "options", "chain", "contracts", "positions", "spots", "quotes")
_MODELS = {
    "black_scholes_merton": "black_scholes_merton", "bsm": "black_scholes_merton", "black_scholes": "black_scholes",
    "bs": "black_scholes", "black76": "black", "heston": "heston", "sabr": "sabr", "bachelier": "bachelier",
    "binomial": "binomial", "crr": "binomial", "monte_carlo": "monte_carlo", "mc": "monte_carlo",
}  # fmt: skip
_HTTP = {"httpx", "requests", "aiohttp", "session", "client", "http"}
_SQL = re.compile(r"\s*(select|insert|update|delete)\b", re.IGNORECASE)
_TABLE = re.compile(r"\b(?:from|into|update)\s+[\"`]?(\w+)", re.IGNORECASE)


@dataclass(frozen=True)
class Suggestion:
    """One suggested entry.

    Attributes:
        path: Module and name.
        kind: Its kind.
        options: Its options, with values as in TOML.
        why: The reason for the suggestion.
        signature: The definition of the function in one line.
    """

    path: str
    kind: str
    options: Mapping[str, str]
    why: str
    signature: str


def suggest(package: str) -> tuple[list[Suggestion], list[str]]:
    """Suggest entries for a package or a module.

    Args:
        package: Its name.

    Returns:
        The entries, and the modules that could not be read.

    Raises:
        NotReadableError: There is no such package or module.
    """
    names = list(submodules(package))
    if len(names) == 1:
        find(package)  # raises the reason
    found, unread = [], []
    for name in names:
        try:
            module = find(name)
        except NotReadableError as error:
            unread.append(str(error))
            continue
        for function in module.functions.values():
            guess = None if _is_left_out(function) else _guess(module, function)
            if guess is not None:
                found.append(guess)
    return found, unread


def to_toml(package: str, suggestions: list[Suggestion]) -> str:
    """Return the text of a targets file with the entries."""
    lines = [
        f"# Proposed by `signalscope targets suggest {package}`, from names and parameters: look them through.",
        "# `signalscope targets check FILE` tells what each entry does.",
    ]
    for each in suggestions:
        lines += [
            "",
            f"# {each.why}",
            f"# {each.signature}",
            "[[target]]",
            f'path = "{each.path}"',
            f'kind = "{each.kind}"',
        ]
        lines += [f"{key} = {value}" for key, value in each.options.items()]
    return "\n".join(lines) + "\n"


def _is_left_out(function: Function) -> bool:
    """Return True for private names, tests, properties, and functions without a body or that are measured already."""
    names = function.name.split(".")
    if any(each.startswith("_") or each.lower().startswith("test") for each in names):
        return True
    decorators = {ast.unparse(each).split("(")[0].rpartition(".")[2] for each in function.node.decorator_list}
    if decorators & {"property", "cached_property", "overload", "abstractmethod", "setter", "fixture"}:
        return True
    return any(each.startswith("instrument_") for each in decorators)


def _guess(module: Module, function: Function) -> Suggestion | None:
    guessers: tuple[Callable[[Module, Function], tuple[str, dict[str, str], str] | None], ...] = (
        _cache, _queue, _query, _greeks, _signal, _dependency, _task,
    )  # fmt: skip
    for guesser in guessers:
        guess = guesser(module, function)
        if guess is not None:
            kind, options, why = guess
            return Suggestion(f"{module.name}:{function.name}", kind, options, why, function.signature)
    return None


def _words(text: str) -> list[str]:
    """Split a name in snake_case or CamelCase into words."""
    return re.findall(r"[a-z]+[0-9]*|[0-9]+", re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", text).lower())


def _greeks(module: Module, function: Function) -> tuple[str, dict[str, str], str] | None:
    words = _words(function.node.name)
    parameters = {"_".join(_words(each)): each for each in function.parameters}
    is_about_options = (
        len(_MARKET & set(parameters)) >= 2 or "option" in parameters or _many(parameters) is not None
    )
    kinds = [each for each in contract.CALCULATION_TYPES if each in words and each not in ("price", "chain")]
    if "greeks" in words or ("chain" in words and ("price" in words or kinds)) or len(kinds) > 1:
        kinds = ["chain"]
    elif "implied" in words and ("vol" in words or "volatility" in words):
        kinds = ["iv"]
    elif is_about_options and (
        set(words) & {"price", "value", "premium", "npv"} or _model(function.node.name)
    ):
        kinds = kinds or ["price"]
    if not kinds or not (is_about_options or function.cls is not None):
        return None
    options = {"calculation_type": f'"{kinds[0]}"'}
    model = _model(function.node.name) or _model(function.name) or _model(module.name)
    if "model" in parameters:
        options["model_type"] = f'{{ arg = "{parameters["model"]}" }}'
    elif model:
        options["model_type"] = f'"{model}"'
    many = _many(parameters)
    if many is not None:
        options["batch_size"] = f'{{ arg = "{many}" }}'
        if _is_array_code(function):
            options["vectorized"] = "true"
    return "greeks", options, _why(function, "calculates", kinds[0])


def _many(parameters: Mapping[str, str]) -> str | None:
    """Return the parameter that holds many options, if any."""
    return next((parameters[each] for each in _MANY if each in parameters), None)


def _model(name: str) -> str | None:
    joined = f"_{'_'.join(_words(name))}_"
    return next((model for part, model in _MODELS.items() if f"_{part}_" in joined), None)


def _is_array_code(function: Function) -> bool:
    """Return True if it uses NumPy and has no loop, so that one array operation may handle the batch."""
    loops = (ast.For, ast.AsyncFor, ast.While, ast.ListComp, ast.GeneratorExp, ast.SetComp, ast.DictComp)
    nodes = list(ast.walk(function.node))
    return not any(isinstance(each, loops) for each in nodes) and any(
        isinstance(each, ast.Name) and each.id in ("np", "numpy") for each in nodes
    )


def _signal(_: Module, function: Function) -> tuple[str, dict[str, str], str] | None:
    words = set(_words(function.node.name))
    verbs = {
        "generate",
        "compute",
        "calculate",
        "evaluate",
        "detect",
        "make",
        "produce",
        "build",
        "score",
        "on",
    }
    if not (words & {"signal", "signals"} and (words & verbs or len(words) <= 3)):
        return None
    if words & {"handler", "handle", "sigterm", "connect", "register", "install", "send", "list", "get"}:
        return None
    options = {}
    for parameter, option in (
        ("signal_type", "signal_type"),
        ("kind", "signal_type"),
        ("source", "data_source"),
    ):
        if parameter in function.parameters and option not in options:
            options[option] = f'{{ arg = "{parameter}" }}'
    return "signal", options, _why(function, "generates", "signals")


_CACHE_WORDS = {
    "get": "get", "lookup": "get", "fetch": "get", "read": "get", "load": "get", "set": "set", "put": "set",
    "store": "set", "write": "set", "save": "set", "delete": "delete", "remove": "delete", "invalidate": "delete",
    "evict": "delete", "pop": "delete",
}  # fmt: skip


def _cache(_: Module, function: Function) -> tuple[str, dict[str, str], str] | None:
    words = _words(function.node.name)
    around = _words(function.cls.name) if function.cls is not None else []
    if not ({"cache", "cached"} & {*words, *around}) or "cached" in words[:1]:
        return None
    operation = next((_CACHE_WORDS[each] for each in words if each in _CACHE_WORDS), None)
    if operation is None or not [each for each in function.parameters if each not in ("self", "cls")]:
        return None
    rest = [each for each in (around or words) if each not in {*_CACHE_WORDS, "cache", "from", "in", "to"}]
    options = {"cache_type": f'"{"_".join(rest) or "main"}"', "operation": f'"{operation}"'}
    return "cache", options, _why(function, operation + "s", "in a cache")


def _queue(_: Module, function: Function) -> tuple[str, dict[str, str], str] | None:
    words = _words(function.node.name)
    around = _words(function.cls.name) if function.cls is not None else []
    every = {*words, *around}
    puts = {"put", "enqueue", "push", "submit", "publish"} & set(words)
    processes = {"process", "handle", "consume", "work", "execute"} & set(words)
    is_queue = bool(every & {"queue", "worker", "consumer", "enqueue"})
    if not is_queue or not (puts or processes):
        return None
    rest = [each for each in around if each not in {"queue", "worker", "consumer", "priority"}]
    options = {"queue_type": f'"{"_".join(rest) or "main"}"', "step": '"put"' if puts else '"process"'}
    if "priority" in function.parameters:
        options["priority"] = '{ arg = "priority" }'
    return "queue", options, _why(function, "puts in" if puts else "processes", "items of a queue")


def _query(_: Module, function: Function) -> tuple[str, dict[str, str], str] | None:
    # A docstring may select the best strikes from the chain.
    begin = function.node.body[1:] if ast.get_docstring(function.node, clean=False) else function.node.body
    for node in (each for statement in begin for each in ast.walk(statement)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found = _SQL.match(node.value)
            table = _TABLE.search(node.value) if found else None
            if found is not None and table is not None:
                options = {"table": f'"{table[1]}"', "operation": f'"{found[1].lower()}"'}
                return "query", options, "It has SQL."
    return None


def _dependency(_: Module, function: Function) -> tuple[str, dict[str, str], str] | None:
    for node in ast.walk(function.node):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("get", "post", "put", "patch", "delete", "request")
            and set(_words(ast.unparse(node.func.value))) & _HTTP
        ):
            around = _words(function.cls.name) if function.cls is not None else []
            service = "_".join(each for each in around if each not in ("client", "api", "service", "http"))
            options = {"service_name": f'"{service}_service"'} if service else {}
            return "dependency", options, f"It calls `{ast.unparse(node.func)}`."
    return None


def _task(_: Module, function: Function) -> tuple[str, dict[str, str], str] | None:
    decorators = " ".join(ast.unparse(each) for each in function.node.decorator_list)
    words = _words(function.node.name)
    if re.search(r"\b(task|shared_task|job|periodic_task)\b", decorators) or words[-1:] in (
        ["task"],
        ["job"],
    ):
        return "task", {}, "It is named or registered as a task."
    return None


def _why(function: Function, does: str, what: str) -> str:
    where = f" of {function.cls.name}" if function.cls is not None else ""
    return f"By its name{where} and its parameters it {does} {what}."
