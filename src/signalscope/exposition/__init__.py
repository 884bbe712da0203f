"""The scrape endpoint: the reader for pull export, and the text of `/metrics`."""

from signalscope.exposition._reader import PullReader

__all__ = ["PullReader"]
