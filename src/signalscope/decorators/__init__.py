"""Decorators for the calculations, signals, caches, queues and calls of an options-signal service."""

from signalscope.decorators._values import arg, result
from signalscope.decorators.greeks import instrument_greeks

__all__ = ["arg", "instrument_greeks", "result"]
