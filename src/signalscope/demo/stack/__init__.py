"""The local stack: the processes of `signalscope demo`, their ports, load and faults."""
