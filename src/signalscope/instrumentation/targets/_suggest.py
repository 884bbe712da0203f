"""Suggestions for a targets file: functions of a package that look like parts of a signal service.

Suggestions come from names, parameters and simple statements of the source. Nothing is imported. Options whose values
are unknown are left out.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Container, Mapping
from dataclasses import dataclass

from signalscope import contract
from signalscope.instrumentation.targets._sources import (
    Function,
    NotReadableError,
    find,
    is_namespace,
    split,
    submodules,
)

_MARKET = {
    "s", "k", "t", "r", "sigma", "vol", "volatility", "iv", "strike", "strikes", "spot", "spots", "expiry",
    "maturity", "tte", "underlying", "forward", "option", "options", "chain", "flag", "is_call", "option_type",
    "positions", "s0", "d1", "d2", "years_to_maturity", "time_to_maturity", "years_to_expiry", "time_to_expiry",
    "days_to_expiry", "call_put", "opt_type", "spot_price", "strike_price", "implied_volatility", "risk_free_rate",
    "dividend_yield",
}  # fmt: skip
_MANY = ("strikes", "options", "chain", "contracts", "positions", "spots", "quotes")
#: Annotations of parameters with several values, and those of arrays and tables.
_MANY_TYPES = re.compile(
    r"\b([Ll]ist|[Tt]uple|Sequence|Collection|ndarray|NDArray|ArrayLike|DataFrame|Series)\b"
)
_ARRAY_TYPES = re.compile(r"\b(ndarray|NDArray|ArrayLike|DataFrame|Series)\b")
_NUMPY = {"np", "numpy", "jnp", "cp", "xp", "numexpr"}
#: Decorators and base classes of functions that answer requests: their calls are API requests already.
_ROUTES = {"get", "post", "put", "patch", "delete", "head", "options", "route", "api_route", "websocket"}
_VIEWS = {"HTTPEndpoint", "WebSocketEndpoint", "View", "MethodView", "APIView", "Resource", "RequestHandler"}
_MODELS = {
    "black_scholes_merton": "black_scholes_merton", "bsm": "black_scholes_merton", "black_scholes": "black_scholes",
    "bs": "black_scholes", "black76": "black", "heston": "heston", "sabr": "sabr", "bachelier": "bachelier",
    "binomial": "binomial", "crr": "binomial", "monte_carlo": "monte_carlo", "mc": "monte_carlo",
}  # fmt: skip
_CACHE_WORDS = {
    "get": "get", "lookup": "get", "fetch": "get", "read": "get", "load": "get", "set": "set", "put": "set",
    "store": "set", "write": "set", "save": "set", "delete": "delete", "remove": "delete", "invalidate": "delete",
    "evict": "delete", "pop": "delete",
}  # fmt: skip
_SIGNAL_VERBS = {
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
_NO_SIGNAL = {"handler", "handle", "sigterm", "connect", "register", "install", "send", "list", "get"}
#: Options of a signal by the parameter that has the value; the first match counts.
_SIGNAL_OPTIONS = {"signal_type": "signal_type", "kind": "signal_type", "source": "data_source"}
_HTTP = {"httpx", "requests", "aiohttp", "session", "client", "http"}
_HTTP_METHODS = {"get", "post", "put", "patch", "delete", "request"}
_SQL = re.compile(r"\s*(select|insert|update|delete)\b", re.IGNORECASE)
_TABLE = re.compile(r"\b(?:from|into|update)\s+[\"`]?(\w+)", re.IGNORECASE)
_TASK = re.compile(r"\b(task|shared_task|job|periodic_task)\b")
_LOOPS = (ast.For, ast.AsyncFor, ast.While, ast.ListComp, ast.GeneratorExp, ast.SetComp, ast.DictComp)
#: Kind, options and reason of a suggestion.
_Guess = tuple[str, dict[str, str], str]


@dataclass(frozen=True)
class Suggestion:
    """One suggested entry.

    Attributes:
        path: Module and name.
        kind: The kind of the entry.
        options: The options of the entry, with values in TOML syntax.
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
        package: The name of the package or module.

    Returns:
        The entries, and the messages about modules that could not be read.

    Raises:
        NotReadableError: The package or module does not exist, or its source cannot be read.
    """
    names = list(submodules(package))
    if len(names) == 1:
        find(package)  # raises the reason
    elif is_namespace(package):
        names.remove(package)
    suggestions, unread = [], []
    for name in names:
        try:
            module = find(name)
        except NotReadableError as error:
            unread.append(f"{error} [SS421]")
            continue
        for function in module.functions.values():
            guess = None if _is_left_out(function) else _guess(function)
            if guess is not None:
                suggestions.append(Suggestion(f"{name}:{function.name}", *guess, function.signature))
    return suggestions, unread


def to_toml(package: str, suggestions: list[Suggestion]) -> str:
    """Return the text of a targets file with the entries."""
    text = (
        f"# Proposed by `signalscope targets suggest {package}`, from names and parameters: check every entry.\n"
        "# `signalscope targets check FILE` shows the functions and metrics of each entry.\n"
    )
    for suggestion in suggestions:
        options = {"path": f'"{suggestion.path}"', "kind": f'"{suggestion.kind}"', **suggestion.options}
        text += f"\n# {suggestion.why}\n# {suggestion.signature}\n[[target]]\n"
        text += "".join(f"{key} = {value}\n" for key, value in options.items())
    return text


def _is_left_out(function: Function) -> bool:
    """Return True for private names, tests, properties, route handlers, and abstract or measured functions."""
    if _is_route(function) or any(
        name.startswith("_") or name.lower().startswith("test") for name in function.name.split(".")
    ):
        return True
    expressions = map(ast.unparse, function.node.decorator_list)
    decorators = {expression.split("(")[0].rpartition(".")[2] for expression in expressions}
    if decorators & {"property", "cached_property", "overload", "abstractmethod", "setter", "fixture"}:
        return True
    return any(name.startswith("instrument_") for name in decorators)


def _is_route(function: Function) -> bool:
    """Return True for a function that answers requests: `@app.get("/path")`, or a method of a view class."""
    bases = (
        [ast.unparse(base).rpartition(".")[2] for base in function.cls.bases]
        if function.cls is not None
        else []
    )
    if not _VIEWS.isdisjoint(bases):
        return True
    for decorator in function.node.decorator_list:
        if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Attribute):
            paths = [
                *decorator.args[:1],
                *(word.value for word in decorator.keywords if word.arg in ("path", "rule")),
            ]
            is_path = any(isinstance(path, ast.Constant | ast.JoinedStr) for path in paths)
            if decorator.func.attr in _ROUTES and is_path:
                return True
    return False


def _guess(function: Function) -> _Guess | None:
    guessers = (_cache, _queue, _query, _greeks, _signal, _dependency, _task)
    return next(filter(None, (guesser(function) for guesser in guessers)), None)


def _reason(function: Function, does: str, what: str) -> str:
    return f"The name {function.name} and the parameters suggest that it {does} {what}."


def _argument(parameter: str) -> str:
    return f'{{ arg = "{parameter}" }}'


def _name_from(words: list[str], nouns: Container[str]) -> str:
    """Return the words without some nouns, as a name; ``main`` if none is left."""
    return "_".join(word for word in words if word not in nouns) or "main"


def _greeks(function: Function) -> _Guess | None:
    words = function.words
    parameters = {"_".join(split(parameter)): parameter for parameter in function.parameters}
    many = next((parameters[name] for name in _MANY if name in parameters), None)
    is_about_options = len(_MARKET & set(parameters)) >= 2 or "option" in parameters or many is not None
    many = many or next((name for name, type_ in _annotated(function) if _MANY_TYPES.search(type_)), None)
    kinds = [kind for kind in contract.CALCULATION_TYPES if kind in words and kind not in ("price", "chain")]
    if "greeks" in words or ("chain" in words and ("price" in words or kinds)) or len(kinds) > 1:
        kinds = ["chain"]
    elif "implied" in words and ("vol" in words or "volatility" in words):
        kinds = ["iv"]
    elif is_about_options and (
        {"price", "value", "premium", "npv"} & set(words) or _model(function.node.name)
    ):
        kinds = kinds or ["price"]
    if not kinds or not (is_about_options or function.cls is not None):
        return None
    options = {"calculation_type": f'"{kinds[0]}"'}
    model = (
        _model(function.node.name)
        or _model(function.name)
        or _model(function.module)
        or _used_model(function)
    )
    if "model" in parameters:
        options["model_type"] = _argument(parameters["model"])
    elif model:
        options["model_type"] = f'"{model}"'
    if many is not None:
        options["batch_size"] = _argument(many)
        if _is_array_code(function, many):
            options["vectorized"] = "true"
    return "greeks", options, _reason(function, "calculates", kinds[0])


def _model(name: str, shortest: int = 1) -> str | None:
    joined = f"_{'_'.join(split(name))}_"
    models = ((part, model) for part, model in _MODELS.items() if len(part) >= shortest)
    return next((model for part, model in models if f"_{part}_" in joined), None)


def _used_model(function: Function) -> str | None:
    """Return the model that the docstring or a name in the body has; short names only in the body."""
    names = [
        node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
        for node in ast.walk(function.node)
    ]
    in_docstring = _model(ast.get_docstring(function.node) or "", shortest=4)
    return in_docstring or next(filter(None, map(_model, filter(None, names))), None)


def _annotated(function: Function) -> list[tuple[str, str]]:
    """Return the names and the annotations of the parameters that have one."""
    args = function.node.args
    parameters = (*args.posonlyargs, *args.args, *args.kwonlyargs)
    return [(part.arg, ast.unparse(part.annotation)) for part in parameters if part.annotation is not None]


def _is_array_code(function: Function, many: str) -> bool:
    """Return True if one array operation may handle the batch: NumPy or a parameter with arrays, and no loop."""
    nodes = list(ast.walk(function.node))
    uses_numpy = any(isinstance(node, ast.Name) and node.id in _NUMPY for node in nodes)
    is_array = _ARRAY_TYPES.search(dict(_annotated(function)).get(many, "")) is not None
    return (uses_numpy or is_array) and not any(isinstance(node, _LOOPS) for node in nodes)


def _signal(function: Function) -> _Guess | None:
    words = set(function.words)
    if (
        not (words & {"signal", "signals"} and (words & _SIGNAL_VERBS or len(words) <= 3))
        or words & _NO_SIGNAL
    ):
        return None
    options: dict[str, str] = {}
    for parameter, option in _SIGNAL_OPTIONS.items():
        if parameter in function.parameters:
            options.setdefault(option, _argument(parameter))
    return "signal", options, _reason(function, "generates", "signals")


def _cache(function: Function) -> _Guess | None:
    words, class_words = function.words, function.class_words
    if not ({"cache", "cached"} & {*words, *class_words}) or "cached" in words[:1]:
        return None
    operation = next((_CACHE_WORDS[word] for word in words if word in _CACHE_WORDS), None)
    if operation is None or not set(function.parameters) - {"self", "cls"}:
        return None
    cache_type = _name_from(class_words or words, {*_CACHE_WORDS, "cache", "from", "in", "to"})
    options = {"cache_type": f'"{cache_type}"', "operation": f'"{operation}"'}
    return "cache", options, _reason(function, operation + "s", "entries of a cache")


def _queue(function: Function) -> _Guess | None:
    words, class_words = function.words, function.class_words
    puts = not {"put", "enqueue", "push", "submit", "publish"}.isdisjoint(words)
    processes = not {"process", "handle", "consume", "work", "execute"}.isdisjoint(words)
    is_queue = not {"queue", "worker", "consumer", "enqueue"}.isdisjoint([*words, *class_words])
    if not is_queue or not (puts or processes):
        return None
    queue_type = _name_from(class_words, {"queue", "worker", "consumer", "priority"})
    options = {"queue_type": f'"{queue_type}"', "step": '"put"' if puts else '"process"'}
    if "priority" in function.parameters:
        options["priority"] = _argument("priority")
    return "queue", options, _reason(function, "puts in" if puts else "processes", "items of a queue")


def _query(function: Function) -> _Guess | None:
    body = function.node.body
    # A docstring may begin with "Select the best strikes from the chain": this is not SQL.
    statements = body[1:] if ast.get_docstring(function.node, clean=False) else body
    for node in (node for statement in statements for node in ast.walk(statement)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            operation, table = _SQL.match(node.value), _TABLE.search(node.value)
            if operation is not None and table is not None:
                options = {"table": f'"{table[1]}"', "operation": f'"{operation[1].lower()}"'}
                return "query", options, "Its body contains SQL."
    return None


def _dependency(function: Function) -> _Guess | None:
    for node in ast.walk(function.node):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in _HTTP_METHODS
            and not _HTTP.isdisjoint(split(ast.unparse(node.func.value)))
        ):
            nouns = ("client", "api", "service", "http")
            service = "_".join(word for word in function.class_words if word not in nouns)
            options = {"service_name": f'"{service}_service"'} if service else {}
            return "dependency", options, f"It calls `{ast.unparse(node.func)}`."
    return None


def _task(function: Function) -> _Guess | None:
    decorators = " ".join(map(ast.unparse, function.node.decorator_list))
    if _TASK.search(decorators) or function.words[-1:] in (["task"], ["job"]):
        return "task", {}, "It is named or registered as a task."
    return None
