"""The reference service in this process, with its external services on real sockets."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest

from signalscope.demo.faults import DEPENDENCIES
from signalscope.demo.service.runtime import Runtime
from signalscope.demo.stack.dependencies import DependencyServer


@pytest.fixture
async def dependencies() -> AsyncIterator[dict[str, DependencyServer]]:
    """The five external services, running."""
    servers = {name: DependencyServer(name, 0) for name in DEPENDENCIES}
    for server in servers.values():
        await server.open()
    yield servers
    for server in servers.values():
        await server.close()


@pytest.fixture
def environment(dependencies: dict[str, DependencyServer], monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment variables of the service, as `signalscope demo` sets them."""
    urls = {name: f"http://127.0.0.1:{server.port}" for name, server in dependencies.items()}
    monkeypatch.setenv("SIGNALSCOPE_DEMO_DEPENDENCIES", json.dumps(urls))
    monkeypatch.setenv("SIGNALSCOPE_DEMO_SEED", "7")
    monkeypatch.delenv("REDIS_URL", raising=False)


@pytest.fixture
async def client(environment: None) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the running service."""
    from signalscope.demo.service.application import app  # noqa: PLC0415  # its imports are only for these tests

    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        headers = {"X-User-Id": "tester", "X-User-Tier": "enterprise"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://service", headers=headers
        ) as client:
            yield client


@pytest.fixture
def runtime(client: httpx.AsyncClient) -> Runtime:
    """The parts of the running service."""
    from signalscope.demo.service.application import app  # noqa: PLC0415  # as above

    runtime: Runtime = app.state.runtime
    return runtime
