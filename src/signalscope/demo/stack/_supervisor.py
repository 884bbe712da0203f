"""Watch the parts of the local stack, and switch the fault service-down over HTTP."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from signalscope.demo.faults import SERVICE_DOWN, UnknownFaultError, find
from signalscope.demo.stack._processes import PartError
from signalscope.demo.stack._stack import Stack


class Supervisor:
    """A watch over the parts of a running stack; a context manager that serves its control port.

    It has the requests of the external services' control port: ``GET /demo/faults``, and
    ``PUT /demo/faults/service-down`` with ``{"on": true}`` or ``{"on": false}``. A request only records the state;
    `watch`, in the main thread, ends and starts the process. So ``GET`` gives the real state.

    Args:
        stack: The running stack.
        say: Called with each line of progress.
        changed: Called after the service has started again, with a new process id.
    """

    def __init__(self, stack: Stack, say: Callable[[str], None], changed: Callable[[], None]) -> None:
        self._stack = stack
        self._say = say
        self._changed = changed
        self._wanted: bool | None = None
        self._is_down = False
        self._ended: set[str] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Supervisor:
        Thread(target=self._server.serve_forever, name="supervisor", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def watch(self, duration: float | None, is_over: Callable[[], bool] = lambda: False) -> None:
        """Report each part that ends by itself, and switch service-down.

        Args:
            duration: Seconds to watch; None to watch until an exception, such as Ctrl-C.
            is_over: Called each time; True ends the watch too.
        """
        end = time.monotonic() + (math.inf if duration is None else duration)
        while (left := end - time.monotonic()) > 0 and not is_over():
            self.step()
            time.sleep(min(0.5, left))

    def step(self) -> None:
        """Check every part once, and carry out the last request."""
        wanted, self._wanted = self._wanted, None
        if wanted is not None and wanted is not self._state()[SERVICE_DOWN]:
            self._switch(wanted)
        for name, part in self._stack.parts.items():
            if name in self._ended or (name == "service" and self._is_down):
                continue
            try:
                part.check()
            except PartError as error:
                self._ended.add(name)
                self._stack.failed.add(name)
                restart = (
                    f"; `signalscope fault {SERVICE_DOWN} off` starts it again" if name == "service" else ""
                )
                self._say(f"{error}\nThe other parts run on{restart}.")

    def _switch(self, on: bool) -> None:
        self._is_down = True  # also while it starts again
        if on:
            self._stack.parts["service"].kill()
            self._say(f"{SERVICE_DOWN} is on: the service is killed")
            return
        self._say("starting the reference service again")
        self._stack.parts["service"].stop()  # it may run without an answer
        try:
            self._stack.start_service()
        except PartError as error:
            self._stack.failed.add("service")
            self._say(str(error))
            return
        self._is_down = False
        self._ended.discard("service")
        self._say(f"{SERVICE_DOWN} is off: the service answers")
        self._changed()

    def _state(self) -> dict[str, bool]:
        return {SERVICE_DOWN: self._is_down or not self._stack.parts["service"].is_running}

    def _put(self, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        try:
            find(path.removeprefix("/demo/faults/"), "supervisor")
            on = json.loads(body)["on"]
        except UnknownFaultError as error:
            return 404, {"detail": str(error)}
        except (ValueError, KeyError, TypeError):
            on = None
        if not isinstance(on, bool):
            return 422, {"detail": 'the body must be {"on": true} or {"on": false} [SS742]'}
        self._wanted = on
        return 202, self._state()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        supervisor = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                is_known = self.path == "/demo/faults"
                self._answer(*((200, supervisor._state()) if is_known else (404, {"detail": "not found"})))

            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self._answer(*supervisor._put(self.path, body))

            def log_message(self, *_: object) -> None:
                pass

            def _answer(self, status: int, content: dict[str, Any]) -> None:
                text = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

        return Handler
