"""Commands of ``signalscope`` that start the demo and break it; entry points of pyproject.toml name them."""
