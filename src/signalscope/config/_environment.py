"""Settings of the monitoring API and of derived values: environment variables, read each time they are needed."""

from __future__ import annotations

import logging
import math
import os
from functools import cache
from pathlib import Path

from signalscope.config import Config, ConfigError, load

_logger = logging.getLogger("signalscope")
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
#: A shorter token can be guessed.
_SHORT = 16


def tokens() -> tuple[str, ...]:
    """Return the bearer tokens of /monitoring: SIGNALSCOPE_MONITORING_TOKEN, with commas while one is replaced."""
    return _tokens("SIGNALSCOPE_MONITORING_TOKEN")


def users_tokens() -> tuple[str, ...]:
    """Return the tokens that may see user ids as well: SIGNALSCOPE_MONITORING_USERS_TOKEN."""
    return _tokens("SIGNALSCOPE_MONITORING_USERS_TOKEN")


def monitoring_is_public() -> bool:
    """Return True if /monitoring needs no token: SIGNALSCOPE_MONITORING_PUBLIC, false when not set."""
    return _flag("SIGNALSCOPE_MONITORING_PUBLIC", default=False)


def health_is_public() -> bool:
    """Return True if /health needs no token: SIGNALSCOPE_HEALTH_PUBLIC, true when not set."""
    return _flag("SIGNALSCOPE_HEALTH_PUBLIC", default=True)


def metrics_are_public() -> bool:
    """Return True if /metrics needs no token: SIGNALSCOPE_METRICS_PUBLIC, true when not set."""
    return _flag("SIGNALSCOPE_METRICS_PUBLIC", default=True)


def requests_per_second() -> float:
    """Return how many requests to /monitoring a client may make each second: SIGNALSCOPE_MONITORING_RATE, 10."""
    return _number("SIGNALSCOPE_MONITORING_RATE", 10.0, 0.1, 10_000.0)


def cache_seconds() -> float:
    """Return how long an answer of /monitoring is valid: SIGNALSCOPE_MONITORING_CACHE_SECONDS, 5."""
    return _number("SIGNALSCOPE_MONITORING_CACHE_SECONDS", 5.0, 0.0, 300.0)


def prometheus_url() -> str | None:
    """Return the URL of Prometheus, SIGNALSCOPE_PROMETHEUS_URL; None to use the windows of this process."""
    return os.environ.get("SIGNALSCOPE_PROMETHEUS_URL", "").strip().rstrip("/") or None


def prometheus_timeout() -> float:
    """Return the timeout of Prometheus in seconds: SIGNALSCOPE_PROMETHEUS_TIMEOUT, 2."""
    return _number("SIGNALSCOPE_PROMETHEUS_TIMEOUT", 2.0, 0.05, 30.0)


def job() -> str:
    """Return the job in Prometheus: SIGNALSCOPE_PROMETHEUS_JOB, else OTEL_SERVICE_NAME, else that of the rules."""
    for name in ("SIGNALSCOPE_PROMETHEUS_JOB", "OTEL_SERVICE_NAME"):
        if job_name := os.environ.get(name, "").strip():
            return job_name
    return config().selectors.job


def scope() -> dict[str, str]:
    """Return where this service runs: SIGNALSCOPE_PROMETHEUS_SCOPE, such as ``cluster=eu1;region=eu``.

    Only the labels of ``[scope]`` in the configuration count.
    """
    text = os.environ.get("SIGNALSCOPE_PROMETHEUS_SCOPE", "")
    values = {
        name.strip(): value.strip() for name, _, value in (pair.partition("=") for pair in text.split(";"))
    }
    return {label: values[label] for label in config().scope.labels if values.get(label)}


def config() -> Config:
    """Return the configuration: the file SIGNALSCOPE_CONFIG, which `signalscope generate --config` takes too."""
    return _loaded(os.environ.get("SIGNALSCOPE_CONFIG", "").strip())


@cache
def _loaded(path: str) -> Config:
    try:
        return load(Path(path) if path else None)
    except ConfigError as error:
        _warn("SIGNALSCOPE_CONFIG", f"SIGNALSCOPE_CONFIG is not used: {error}")
        return Config()


def _tokens(name: str) -> tuple[str, ...]:
    given = tuple(token.strip() for token in os.environ.get(name, "").split(",") if token.strip())
    if any(len(token) < _SHORT for token in given):
        _warn(name, f"{name} has a token of fewer than {_SHORT} characters, which can be guessed")
    return given


def _flag(name: str, *, default: bool) -> bool:
    text = os.environ.get(name, "").strip().lower()
    if not text:
        return default
    if text in _TRUE:
        return True
    if text not in _FALSE:
        _warn(name, f"{name}={text!r} is neither true nor false; taken as false: a token is needed")
    return False


def _number(name: str, default: float, low: float, high: float) -> float:
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not low <= number <= high:
        _warn(name, f"{name}={text!r} must be a number from {low:g} to {high:g}; {default:g} is used")
        return default
    return number


_wrong: set[str] = set()


def invalid_settings() -> list[str]:
    """Return the names of settings that cannot be used as they are."""
    _wrong.clear()
    _loaded.cache_clear()
    for read in (
        tokens, users_tokens, monitoring_is_public, health_is_public, metrics_are_public,
        requests_per_second, cache_seconds, prometheus_timeout, config,
    ):  # fmt: skip
        read()
    return sorted(_wrong)


def _warn(name: str, problem: str) -> None:
    _wrong.add(name)
    _log_once(problem)


@cache
def _log_once(problem: str) -> None:
    _logger.warning("signalscope: %s", problem)
