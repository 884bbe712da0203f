"""The scrape endpoint: the pull reader, and the text of `/metrics`."""

from signalscope.exposition._reader import PullReader

__all__ = ["PullReader"]
