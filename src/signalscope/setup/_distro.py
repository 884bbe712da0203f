"""The distro and the configurator that `opentelemetry-instrument` loads.

Where another distribution is installed too, choose this one with ``OTEL_PYTHON_DISTRO=signalscope`` and
``OTEL_PYTHON_CONFIGURATOR=signalscope``.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from opentelemetry.instrumentation import auto_instrumentation
from opentelemetry.instrumentation.distro import BaseDistro  # type: ignore[attr-defined]  # it is typed, mypy cannot see it
from opentelemetry.sdk._configuration import _OTelSDKConfigurator

from signalscope.contract._model import ContractError
from signalscope.setup import _configure
from signalscope.setup._declarative import set_up
from signalscope.setup._environment import defaults, is_disabled, named_configuration_errors

_logger = logging.getLogger("signalscope")


class SignalscopeDistro(BaseDistro):  # type: ignore[misc]  # see above
    """Sets the defaults of the environment; what the user has set stays."""

    def _configure(self, **kwargs: Any) -> None:
        for name, value in defaults(os.environ).items():
            os.environ.setdefault(name, value)

    def load_instrumentor(self, entry_point: Any, **kwargs: Any) -> None:
        """Load one instrumentor; one that fails is logged and never stops the others."""
        try:
            super().load_instrumentor(entry_point, **kwargs)
        except ImportError:
            raise  # the launcher knows what that means
        except Exception:
            _logger.exception("signalscope: instrumenting %s failed; going on without it", entry_point.name)


def instrument_children() -> None:
    """Instrument Python processes that this one starts too, such as uvicorn's workers.

    The launcher does that with a folder in PYTHONPATH, which it removes while it works; some older releases did
    not restore it.
    """
    folder = str(Path(auto_instrumentation.__file__).parent)
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    if folder not in paths:
        os.environ["PYTHONPATH"] = os.pathsep.join([folder, *paths])


class SignalscopeConfigurator(_OTelSDKConfigurator):
    """Sets up the SDK, and the recording core in front of it."""

    def _configure(self, **kwargs: Any) -> None:
        path = os.environ.get("OTEL_CONFIG_FILE")
        if not path:
            _configure.configure_for_launcher(**kwargs)
            return
        if is_disabled():
            return
        try:
            with named_configuration_errors():
                done = set_up(path)
            if done:
                _configure.begin()
        except ContractError as error:
            _logger.error("signalscope: no telemetry: %s", error)  # noqa: TRY400  # the message is enough
