"""Functions of the program, measured as a targets file says: ``SIGNALSCOPE_TARGETS=targets.toml``."""

from signalscope.instrumentation.targets._instrumentor import TargetsInstrumentor

__all__ = ["TargetsInstrumentor"]
