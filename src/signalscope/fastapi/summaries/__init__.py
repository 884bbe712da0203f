"""The answers of /monitoring, each made of facts."""

from signalscope.fastapi.summaries import _business as business
from signalscope.fastapi.summaries import _capacity as capacity
from signalscope.fastapi.summaries import _enhanced as enhanced
from signalscope.fastapi.summaries import _performance as performance

__all__ = ["business", "capacity", "enhanced", "performance"]
