"""Set up OpenTelemetry: `configure` in code, or the distro and configurator of the launcher."""

from signalscope.setup._configure import configure, shutdown
from signalscope.setup._distro import SignalscopeConfigurator, SignalscopeDistro, instrument_children

__all__ = ["SignalscopeConfigurator", "SignalscopeDistro", "configure", "instrument_children", "shutdown"]
