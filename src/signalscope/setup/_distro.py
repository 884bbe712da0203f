"""The distro and the configurator that `opentelemetry-instrument` loads.

If another distribution is installed too, set ``OTEL_PYTHON_DISTRO=signalscope`` and
``OTEL_PYTHON_CONFIGURATOR=signalscope``.
"""

from __future__ import annotations

import logging
import os
from functools import partial
from pathlib import Path
from typing import Any

from opentelemetry.instrumentation import auto_instrumentation
from opentelemetry.instrumentation.distro import BaseDistro  # type: ignore[attr-defined]  # mypy does not see its types
from opentelemetry.sdk._configuration import _OTelSDKConfigurator

from signalscope.contract._model import ContractError
from signalscope.setup import _configure
from signalscope.setup._declarative import set_up
from signalscope.setup._environment import defaults, is_disabled, named_configuration_errors
from signalscope.setup._fastapi_telemetry import replaces_official
from signalscope.setup._helpers import in_children_of_fork_server, is_fork_server, is_resource_tracker

_logger = logging.getLogger("signalscope")


class SignalscopeDistro(BaseDistro):  # type: ignore[misc]  # see above
    """Sets the default values of environment variables that the user has not set.

    Examples:
        >>> import os
        >>> from signalscope.setup import SignalscopeDistro
        >>> SignalscopeDistro().configure()
        >>> os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"]
        'http'
    """

    def _configure(self, **kwargs: Any) -> None:
        for name, value in defaults(os.environ).items():
            os.environ.setdefault(name, value)

    def load_instrumentor(self, entry_point: Any, **kwargs: Any) -> None:
        """Load one instrumentor. If it fails, log the error, so that the others are loaded nevertheless.

        The official instrumentor of FastAPI is not loaded for a FastAPI with telemetry of its own.
        """
        if is_resource_tracker():
            return
        if entry_point.name == "fastapi" and replaces_official():
            _logger.debug("signalscope: FastAPI makes its own spans; the official instrumentor is not loaded")
            return
        try:
            super().load_instrumentor(entry_point, **kwargs)
        except ImportError:
            raise  # the launcher handles a library that is not installed
        except Exception as error:
            _logger.error(  # noqa: TRY400  # one line; the traceback is logged at level DEBUG
                "signalscope: instrumenting %s failed; going on without it: %s: %s [SS330]",
                entry_point.name,
                type(error).__name__,
                " ".join(str(error).split()),
            )
            _logger.debug("signalscope: the traceback", exc_info=error)


def instrument_children() -> None:
    """Instrument the Python processes that this one starts, such as uvicorn's workers.

    The launcher puts a folder into PYTHONPATH for this, and removes it while it runs. Some older releases do not
    restore it.

    Examples:
        >>> import os
        >>> from signalscope.setup import instrument_children
        >>> instrument_children()
        >>> "auto_instrumentation" in os.environ["PYTHONPATH"]
        True
    """
    folder = str(Path(auto_instrumentation.__file__).parent)
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    if folder not in paths:
        os.environ["PYTHONPATH"] = os.pathsep.join([folder, *paths])


class SignalscopeConfigurator(_OTelSDKConfigurator):
    """Sets up the SDK and the recording core.

    Examples:
        >>> from signalscope import recording
        >>> from signalscope.setup import SignalscopeConfigurator
        >>> SignalscopeConfigurator().configure()
        >>> recording.active()
        True
    """

    def _configure(self, **kwargs: Any) -> None:
        if is_resource_tracker():
            return
        if is_fork_server():  # its children are configured, after each fork
            in_children_of_fork_server(partial(self._configure, **kwargs))
            return
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
            _logger.error("signalscope: no telemetry: %s [SS324]", error)  # noqa: TRY400  # the message is enough
