"""Set up OpenTelemetry from a declarative configuration file (``OTEL_CONFIG_FILE``).

Only the parts in the file are set up. signalscope adds two groups of attributes to the resource, as it does for every
process:

* the distribution, with which the Collector recognises signalscope's metric names
* an instance id, with which Prometheus distinguishes processes
"""

from __future__ import annotations

import logging

from signalscope.contract._model import ContractError
from signalscope.setup._environment import identity

_logger = logging.getLogger("signalscope")


def set_up(path: str) -> bool:
    """Set up the SDK from a file.

    Args:
        path: The YAML or JSON file.

    Returns:
        False if the file contains ``disabled: true``.

    Raises:
        ContractError: The package that reads the file is not installed, or the file is wrong. The message says what
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
            f"OTEL_CONFIG_FILE={path} needs OpenTelemetry 1.44: pip install 'signalscope[declarative]' [SS328]"
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
        raise ContractError(f"OTEL_CONFIG_FILE={path}: {' '.join(str(error).split())} [SS329]") from error
    return not config.disabled


def _names(attributes_list: str | None) -> set[str]:
    """Return the names in a list such as ``service.name=x,deployment.environment=y``."""
    return {entry.partition("=")[0].strip() for entry in (attributes_list or "").split(",") if entry.strip()}
