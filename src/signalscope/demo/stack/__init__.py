"""The local stack of `signalscope demo`: its processes, ports, load and external services."""

from signalscope.demo.stack._stack import Stack

__all__ = ["Stack"]
