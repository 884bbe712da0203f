"""A Starlette application without FastAPI is measured and works as before."""

from __future__ import annotations

import subprocess
import sys
import textwrap

_PROGRAM = """
import sys

sys.modules["fastapi"] = None  # as if it were not installed
from signalscope.instrumentation.fastapi import FastAPIApiMetricsInstrumentor
from signalscope.testing import capture

with capture() as captured:
    FastAPIApiMetricsInstrumentor().instrument()
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route
    from starlette.testclient import TestClient
    {before}
    app = Starlette(routes=[Route("/hi", lambda request: PlainTextResponse("hello"))])
    print(TestClient(app).get("/hi").text)
    print(captured.value("signal_service_api_requests_total", endpoint="/hi"))
    print(captured.value("signalscope_internal_errors_total"))
{after}
"""


def _run(before: str = "", after: str = "") -> tuple[int, str, str]:
    program = textwrap.dedent(_PROGRAM).format(before=before, after=textwrap.dedent(after))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_it_is_measured() -> None:
    """The middleware needs only Starlette."""
    code, out, err = _run()
    assert (code, out) == (0, "hello\n1\nNone\n"), err


def test_a_failure_to_measure_does_not_break_the_application() -> None:
    """If the middleware cannot be added, the failure is counted and requests are still served."""
    code, out, err = _run(before="sys.modules['signalscope.fastapi._middleware'] = None")
    assert (code, out) == (0, "hello\nNone\n1\n"), err


def test_the_routes_say_what_they_need() -> None:
    """The error for the router names the extra to install."""
    code, _, err = _run(after="from signalscope.fastapi import router")
    assert code == 1
    assert "signalscope.fastapi.router needs fastapi: pip install 'signalscope[fastapi]' [SS500]" in err
