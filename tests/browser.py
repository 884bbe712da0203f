"""A headless Chromium, controlled through its debugging pipe: pages, keys, screen sizes, pictures, complaints."""

from __future__ import annotations

import base64
import itertools
import json
import os
import select
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.waiting import eventually

__all__ = ["Browser"]

_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --hide-scrollbars --remote-debugging-pipe"
)


class Browser:
    """A browser with one page; a context manager.

    Args:
        profile: A folder for the browser profile.
        width: The width of the page in pixels.
        height: The height of the page in pixels.

    Attributes:
        complaints: Uncaught exceptions, calls of `console.error` and failed loads.
    """

    def __init__(self, profile: Path, width: int = 1500, height: int = 1000) -> None:
        self.complaints: list[str] = []
        self._profile = profile
        self._size = (width, height)
        self._ids = itertools.count(1)
        self._rest = b""
        self._session: str | None = None
        self._context: str | None = None

    def __enter__(self) -> Browser:
        to_read, self._out = os.pipe()
        self._in, to_write = os.pipe()
        command = f'exec "$0" "$@" 3<&{to_read} 4>&{to_write}'
        self._process = subprocess.Popen(
            ["bash", "-c", command, shutil.which("chromium") or "chromium", *_FLAGS.split(),
             f"--user-data-dir={self._profile}", "about:blank"],
            pass_fds=(to_read, to_write), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_read)
        os.close(to_write)
        self.renew()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(10)
        os.close(self._in)
        os.close(self._out)

    def renew(self) -> None:
        """Start again with a new page and an empty storage, as in a new browser."""
        self._session, before = None, self._context
        if before is not None:
            self._call("Target.disposeBrowserContext", browserContextId=before)
        self._context = self._call("Target.createBrowserContext")["browserContextId"]
        page = self._call("Target.createTarget", url="about:blank", browserContextId=self._context)
        session = self._call("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self._session = session["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable")
        self.resize(*self._size)
        self.complaints.clear()

    def open(self, url: str) -> None:
        """Go to a URL, and wait until the page is loaded."""
        self._call("Page.navigate", url=url)
        self.until("document.readyState === 'complete'")

    def resize(self, width: int, height: int) -> None:
        """Change the size of the page."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def run(self, script: str) -> Any:
        """Return the value of a JavaScript expression; wait for a promise."""
        answer = self._call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, script: str, seconds: float = 30) -> Any:
        """Return the first truthy value of an expression; fail if it has none in time.

        The page may go to another URL or load again meanwhile.
        """

        def value() -> Any:
            try:
                return self.run(script)
            except AssertionError as error:
                if "-32000" not in str(error):  # Chromium's code for a page that went away meanwhile
                    raise
                return None

        try:
            return eventually(value, seconds, script)
        except AssertionError as error:
            raise AssertionError(f"{error}; complaints: {self.complaints}") from None

    def press(self, key: str) -> None:
        """Press and release a key."""
        code = {"Enter": 13, "Escape": 27, "Tab": 9}.get(key)
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        common: dict[str, Any] = {"key": key, "text": text}
        if code is not None:
            common["windowsVirtualKeyCode"] = code
        self._call("Input.dispatchKeyEvent", type="keyDown", **common)
        self._call("Input.dispatchKeyEvent", type="keyUp", **{**common, "text": ""})

    def picture(self, path: Path) -> None:
        """Write a picture of the page as PNG or WebP, by the suffix of the path."""
        kind = path.suffix.removeprefix(".")
        answer = self._call(
            "Page.captureScreenshot", format=kind, **({} if kind == "png" else {"quality": 50})
        )
        path.write_bytes(base64.b64decode(answer["data"]))

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._ids)
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == number:
                assert "error" not in answer, (method, answer["error"])
                result: dict[str, Any] = answer["result"]
                return result
            self._notice(answer)

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._in], [], [], 60)
            assert ready, "Chromium does not answer"
            chunk = os.read(self._in, 1 << 20)
            assert chunk, "Chromium has ended"
            self._rest += chunk
        message, _, self._rest = self._rest.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        return answer

    def _notice(self, event: dict[str, Any]) -> None:
        if event.get("sessionId") != self._session:  # an event of the previous page
            return
        parameters = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description") or details["text"])
        elif event.get("method") == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.complaints.append(f"{parameters['entry']['text']} {parameters['entry'].get('url', '')}")
        elif event.get("method") == "Runtime.consoleAPICalled" and parameters["type"] in {"error", "assert"}:
            self.complaints.append(json.dumps(parameters["args"]))
