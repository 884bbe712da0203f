"""Measurement of the functions that a targets file names: ``SIGNALSCOPE_TARGETS=targets.toml``."""

from signalscope.instrumentation.targets._instrumentor import TargetsInstrumentor

__all__ = ["TargetsInstrumentor"]
