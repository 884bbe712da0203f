"""The local stack: the processes of `signalscope demo`, their ports, load and external services."""

from signalscope.demo.stack._stack import Stack

__all__ = ["Stack"]
