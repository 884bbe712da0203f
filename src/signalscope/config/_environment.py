"""Environment variables of the monitoring API and of derived values; each is read again at every use."""

from __future__ import annotations

import contextlib
import logging
import math
import os
from functools import cache
from pathlib import Path

from signalscope.config import Config, ConfigError, load

_logger = logging.getLogger("signalscope")
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
#: Least length of a token in characters: a shorter token can be guessed.
_SHORT = 16


def tokens() -> tuple[str, ...]:
    """Return the bearer tokens of /monitoring: SIGNALSCOPE_MONITORING_TOKEN, separated by commas.

    Two tokens are valid at the same time while an operator replaces one.
    """
    return _tokens("SIGNALSCOPE_MONITORING_TOKEN")


def users_tokens() -> tuple[str, ...]:
    """Return the tokens that also give access to user ids: SIGNALSCOPE_MONITORING_USERS_TOKEN."""
    return _tokens("SIGNALSCOPE_MONITORING_USERS_TOKEN")


def monitoring_is_public() -> bool:
    """Return True if /monitoring needs no token: SIGNALSCOPE_MONITORING_PUBLIC, default false."""
    return _flag("SIGNALSCOPE_MONITORING_PUBLIC", default=False)


def health_is_public() -> bool:
    """Return True if /health needs no token: SIGNALSCOPE_HEALTH_PUBLIC, default true."""
    return _flag("SIGNALSCOPE_HEALTH_PUBLIC", default=True)


def metrics_are_public() -> bool:
    """Return True if /metrics needs no token: SIGNALSCOPE_METRICS_PUBLIC, default true."""
    return _flag("SIGNALSCOPE_METRICS_PUBLIC", default=True)


def requests_per_second() -> float:
    """Return the requests per second that a client may send to /monitoring.

    It is SIGNALSCOPE_MONITORING_RATE, default 10.
    """
    return _number("SIGNALSCOPE_MONITORING_RATE", 10.0, 0.1, 10_000.0)


def cache_seconds() -> float:
    """Return the seconds for which an answer of /monitoring is cached.

    It is SIGNALSCOPE_MONITORING_CACHE_SECONDS, default 5.
    """
    return _number("SIGNALSCOPE_MONITORING_CACHE_SECONDS", 5.0, 0.0, 300.0)


def prometheus_url() -> str | None:
    """Return the URL of Prometheus; None to use the windows of this process.

    It is the content of the file SIGNALSCOPE_PROMETHEUS_URL_FILE, which may come and go while the process runs, else
    SIGNALSCOPE_PROMETHEUS_URL.
    """
    if path := os.environ.get("SIGNALSCOPE_PROMETHEUS_URL_FILE", "").strip():
        with contextlib.suppress(OSError, UnicodeDecodeError):
            return Path(path).read_text(encoding="utf-8").strip().rstrip("/") or None
        return None
    return os.environ.get("SIGNALSCOPE_PROMETHEUS_URL", "").strip().rstrip("/") or None


def prometheus_timeout() -> float:
    """Return the timeout of a query to Prometheus in seconds: SIGNALSCOPE_PROMETHEUS_TIMEOUT, default 2."""
    return _number("SIGNALSCOPE_PROMETHEUS_TIMEOUT", 2.0, 0.05, 30.0)


def job() -> str:
    """Return the label `job` of the service in Prometheus.

    It is SIGNALSCOPE_PROMETHEUS_JOB, else OTEL_SERVICE_NAME, else `selectors.job` of the configuration.
    """
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
    """Return the configuration from the file SIGNALSCOPE_CONFIG; the defaults when it is not set or has errors.

    The file has the same form as that of `signalscope generate --config`.
    """
    return _loaded(os.environ.get("SIGNALSCOPE_CONFIG", "").strip())


@cache
def _loaded(path: str) -> Config:
    try:
        return load(Path(path) if path else None)
    except ConfigError as error:
        _warn("SIGNALSCOPE_CONFIG", f"SIGNALSCOPE_CONFIG is ignored; the defaults apply. {error}")
        return Config()


def _tokens(name: str) -> tuple[str, ...]:
    given = tuple(token.strip() for token in os.environ.get(name, "").split(",") if token.strip())
    if any(len(token) < _SHORT for token in given):
        _warn(name, f"{name} has a token that can be guessed; use at least {_SHORT} characters [SS120]")
    return given


def _flag(name: str, *, default: bool) -> bool:
    text = os.environ.get(name, "").strip().lower()
    if not text:
        return default
    if text in _TRUE:
        return True
    if text not in _FALSE:
        _warn(name, f"{name}={text!r} counts as false, so a token is needed; write true or false [SS121]")
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
        _warn(name, f"{name}={text!r} is ignored ({default:g} applies); use {low:g} to {high:g} [SS122]")
        return default
    return number


_wrong: set[str] = set()


def invalid_settings() -> list[str]:
    """Return the names of the environment variables that have errors, sorted."""
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
    _log_once(f"signalscope: {problem}")


@cache
def _log_once(problem: str) -> None:
    _logger.warning(problem)
