"""Take the pictures of the documentation from a separate demo: `make pictures`.

- `python tools/pictures.py`: start two demos, wait, take every picture, end them
- `python tools/pictures.py --running operations`: take one dashboard of the running demo

Chromium draws each dashboard as the console serves it. During a fault: docs/images/NAME.png (dark), NAME-light.png
(light). The other states are in docs/images/states/: NAME-young.webp, NAME-healthy.webp, NAME-empty.webp
and, of a second demo with generated history, NAME-history.webp.
The start of the demo becomes docs/images/demo-start.svg. If Pillow is installed, it makes the pictures smaller.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.browser import Browser  # noqa: E402  # see above
from tests.ports import free_port  # noqa: E402  # see above

from signalscope import binaries  # noqa: E402  # ROOT comes first
from signalscope.console._boards import from_folder  # noqa: E402  # see above
from signalscope.demo.stack import state  # noqa: E402  # see above
from signalscope.demo.stack._processes import Part, answers, wait_until  # noqa: E402  # see above

WIDTH = 1300
MOST_BYTES = 190_000
COLUMNS = 118
#: The fault whose effects the pictures show. It is on for the last third of the time.
FAULT = "config-down"
BOARDS = ROOT / "deploy" / "demo" / "dashboards"
#: The minutes after the start when the pictures of a young demo are taken.
YOUNG_MINUTES = 2.0
#: The dashboards that need weeks of history, and the minutes after the start of a demo with generated history.
WITH_HISTORY, HISTORY_MINUTES = ("capacity", "revenue"), 5.0
_DONE = (
    "document.querySelectorAll('.panel').length > 0 && !document.querySelector('[data-state=waiting]')"
    " && document.body.dataset.busy === 'false'"
)


@dataclass
class Recording:
    """The lines of a program's output, each with the seconds since its start."""

    lines: list[tuple[float, str]]

    def svg(self, title: str) -> str:
        """Draw the terminal; each line appears when the program printed it, or at once for reduced motion."""
        console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"), force_terminal=True)  # noqa: SIM115, PTH123
        for _, line in self.lines:
            console.print(Text.from_ansi(line), soft_wrap=True)
        # a browser loads no fonts from other hosts in a picture
        drawn = re.sub(
            r"@font-face \{.*?\}\s*", "", console.export_svg(title=title, unique_id="demo"), flags=re.DOTALL
        )
        rules = "".join(
            f'[clip-path="url(#demo-line-{number})"]{{animation:demo-show 1ms {at:.1f}s both}}'
            for number, (at, _) in enumerate(self.lines)
        )
        style = (
            "@keyframes demo-show{from{visibility:hidden}to{visibility:visible}}"
            f"@media (prefers-reduced-motion:no-preference){{{rules}}}"
        )
        return drawn.replace("</style>", style + "</style>", 1)


def smaller(path: Path) -> None:
    """Reduce the colours of a picture; flat panels have few."""
    try:
        from PIL import Image  # noqa: PLC0415  # not needed to take pictures
    except ModuleNotFoundError:
        return
    with Image.open(path) as picture:
        whole = picture.convert("RGB")
    for colours in (240, 160, 112, 80, 56, 40):
        whole.quantize(colours, kmeans=1, dither=Image.Dither.NONE).save(path, optimize=True)
        if path.stat().st_size < MOST_BYTES:
            return


@contextmanager
def demo(folder: Path, *arguments: str) -> Iterator[tuple[dict[str, Any], Recording]]:
    """Run a demo with its state in a folder; yield its endpoints, and its output until it was ready."""
    endpoints = folder / "endpoints.json"
    environment = {**os.environ, "XDG_STATE_HOME": str(folder), "FORCE_COLOR": "1", "COLUMNS": str(COLUMNS)}
    os.environ["XDG_STATE_HOME"] = str(folder)
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "signalscope", "demo", "--endpoints", str(endpoints), *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment,
    )  # fmt: skip
    assert process.stdout is not None
    lines: list[tuple[float, str]] = []
    try:
        for line in process.stdout:
            lines.append((time.monotonic() - started, line.rstrip("\n")))
            if "Ctrl-C" in line:
                break
        else:
            sys.exit("pictures: the demo did not start:\n" + "\n".join(line for _, line in lines))
        while not endpoints.exists():
            time.sleep(0.1)
        yield json.loads(endpoints.read_text(encoding="utf-8")), Recording(lines)
    finally:
        process.terminate()
        process.communicate()


@contextmanager
def empty() -> Iterator[str]:
    """Run a console on a Prometheus without data; yield its URL."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "prometheus.yml").write_text("{}", encoding="utf-8")
        source, console = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        (folder / "endpoints.json").write_text(json.dumps({"prometheus": source}), encoding="utf-8")
        commands = {
            f"{source}/-/ready": [
                binaries.find("prometheus"), f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address={source.rpartition('/')[2]}",
            ],
            f"{console}/healthz": [
                sys.executable, "-m", "signalscope.console", "--port", console.rpartition(":")[2],
                "--endpoints", str(folder / "endpoints.json"), "--dashboards", str(BOARDS),
            ],
        }  # fmt: skip
        parts = []
        try:
            for number, (url, command) in enumerate(commands.items()):
                parts.append(Part(str(number), [str(word) for word in command], folder / f"{number}.log"))
                wait_until(lambda url=url: answers(url), url, 60, parts)  # type: ignore[misc]  # mypy: no default
            yield console
        finally:
            for part in parts:
                part.stop()


def take(console: str, since: str, names: list[str], targets: dict[str, str]) -> None:
    """Take pictures of each dashboard.

    Args:
        console: The URL of the console.
        since: The start of the time range.
        names: Only these dashboards; all if it is empty.
        targets: The paths of the pictures with ``{}`` for the name of the dashboard, each with its theme.
    """
    boards = [board["uid"] for board in from_folder(BOARDS).list()]
    with tempfile.TemporaryDirectory() as profile, Browser(Path(profile), WIDTH, 3600) as browser:
        for uid in boards:
            name = uid.removeprefix("signalscope-")
            if names and name not in names:
                continue
            for pattern, theme in targets.items():
                target = Path(pattern.format(name))
                target.parent.mkdir(parents=True, exist_ok=True)
                browser.resize(WIDTH, 3600)
                browser.open(f"{console}/d/{uid}?from={since}&to=now&refresh=&theme={theme}&kiosk")
                browser.until(_DONE, 60)
                height = browser.run("Math.ceil(document.body.getBoundingClientRect().height)")
                browser.resize(WIDTH, int(height))
                browser.until("new Promise(done => setTimeout(() => done(true), 400))")
                browser.picture(target)
                if target.suffix == ".png":
                    smaller(target)
                print(f"{target}  {target.stat().st_size / 1000:.0f} kB")


def status(console: str) -> dict[str, Any]:
    """Return the alerts and targets that the console shows."""
    answer: dict[str, Any] = httpx.get(f"{console}/status", timeout=30).json()
    return answer


def wait(minutes: float, what: str) -> None:
    """Show how long the demo still gathers data."""
    with Progress(*Progress.get_default_columns(), TimeElapsedColumn()) as progress:
        task = progress.add_task(what, total=minutes * 60)
        while not progress.finished:
            time.sleep(1)
            progress.advance(task, 1)


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--running", action="store_true", help="use the demo that runs already")
    parser.add_argument(
        "--minutes", type=float, default=12, help="how long the demo gathers data before (12)"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("names", nargs="*", help="only these dashboards, such as operations")
    options = parser.parse_args()
    during = {str(options.out / "{}.png"): "dark", str(options.out / "{}-light.png"): "light"}
    if options.running:
        take(state.read()["console"], "now-15m", options.names, during)
        return

    def states(name: str) -> dict[str, str]:
        return {str(options.out / "states" / f"{{}}-{name}.webp"): "dark"}

    with empty() as console:
        take(console, "now-15m", options.names, states("empty"))
    with tempfile.TemporaryDirectory() as folder, demo(Path(folder)) as (endpoints, recording):
        target = options.out / "demo-start.svg"
        target.write_text(recording.svg("make demo"), encoding="utf-8")
        print(f"{target}  {target.stat().st_size / 1000:.0f} kB")
        console = endpoints["console"]
        wait(YOUNG_MINUTES, f"a young demo ({console})")
        take(console, "now-15m", options.names, states("young"))
        wait(options.minutes * 2 / 3, f"a healthy demo ({console})")
        if firing := [
            alert["alertname"] for alert in status(console)["alerts"] if alert["state"] == "firing"
        ]:
            sys.exit(
                f"pictures: the demo is not healthy: {', '.join(firing)}; repeat this on an idle machine"
            )
        take(console, f"now-{int(options.minutes * 60)}s", options.names, states("healthy"))
        subprocess.run([sys.executable, "-m", "signalscope", "fault", FAULT, "on"], check=True)
        wait(options.minutes / 3, f"a demo with the fault {FAULT} ({console})")
        take(console, f"now-{int(options.minutes * 60)}s", options.names, during)
    if names := [name for name in WITH_HISTORY if name in (options.names or WITH_HISTORY)]:
        with (
            tempfile.TemporaryDirectory() as folder,
            demo(Path(folder), "--history", "30d") as (endpoints, _),
        ):
            console = endpoints["console"]
            wait(HISTORY_MINUTES, f"a demo with generated history ({console})")
            take(console, "now-6h", names, states("history"))


if __name__ == "__main__":
    main()
