"""The reference signal service: what signalscope watches in its demo and its end-to-end tests."""
