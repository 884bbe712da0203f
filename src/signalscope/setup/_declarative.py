"""Set up OpenTelemetry from a declarative configuration file (``OTEL_CONFIG_FILE``).

What the file does not ask for is not set up. Two things are added to its resource, as for every process that
signalscope sets up: the distribution, by which the Collector knows the metrics' names, and an instance id, by which
Prometheus distinguishes processes.
"""

from __future__ import annotations

import logging

from signalscope.contract._model import ContractError
from signalscope.setup._environment import identity

_logger = logging.getLogger("signalscope")


def set_up(path: str) -> bool:
    """Set up the SDK as a file says.

    Args:
        path: The YAML or JSON file.

    Returns:
        False when the file says ``disabled: true``.

    Raises:
        ContractError: The package that reads such files is not installed, or the file is wrong; the message says what
            to do.
    """
    try:
        from opentelemetry.configuration import (  # noqa: PLC0415  # an extra
            ConfigurationError,
            configure_sdk,
            load_config_file,
        )
        from opentelemetry.configuration.models import AttributeNameValue, Resource  # noqa: PLC0415  # see above
    except ImportError:
        raise ContractError(
            f"OTEL_CONFIG_FILE={path} needs: pip install 'signalscope[declarative]' (OpenTelemetry 1.44 or newer)"
        ) from None
    try:
        config = load_config_file(path)
        resource = config.resource = config.resource or Resource()
        resource.attributes = resource.attributes or []
        known = {attribute.name for attribute in resource.attributes} | _names(resource.attributes_list)
        for name, value in identity().items():
            if name not in known:
                resource.attributes.append(AttributeNameValue(name, value))
        configure_sdk(config)
    except (ConfigurationError, OSError) as error:
        raise ContractError(f"OTEL_CONFIG_FILE={path}: {' '.join(str(error).split())}") from error
    return not config.disabled


def _names(attributes_list: str | None) -> set[str]:
    """The names in a list such as ``service.name=x,deployment.environment=y``."""
    return {entry.partition("=")[0].strip() for entry in (attributes_list or "").split(",") if entry.strip()}
