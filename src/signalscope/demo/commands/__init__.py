"""The commands ``signalscope demo`` and ``signalscope fault``; entry points in pyproject.toml name them."""
