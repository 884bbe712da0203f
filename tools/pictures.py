"""Take the pictures of the documentation from a separate demo: `make pictures`.

- `python tools/pictures.py`: start a demo, wait, take every picture, end the demo
- `python tools/pictures.py --running operations`: take one dashboard of the running demo

Chromium draws each dashboard as the console serves it, dark (NAME.png) and light (NAME-light.png), into docs/images/.
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

from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.browser import Browser  # noqa: E402  # see above

from signalscope.console._boards import from_folder  # noqa: E402  # ROOT comes first
from signalscope.demo.stack import state  # noqa: E402  # see above

WIDTH = 1300
MOST_BYTES = 190_000
COLUMNS = 118
#: The fault whose effects the pictures show. It is on for the last third of the time.
FAULT = "config-slow"
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
    for colours in (240, 160, 112, 80):
        whole.quantize(colours, kmeans=1, dither=Image.Dither.NONE).save(path, optimize=True)
        if path.stat().st_size < MOST_BYTES:
            return


@contextmanager
def demo(folder: Path) -> Iterator[tuple[dict[str, Any], Recording]]:
    """Run a demo with its state in a folder; yield its endpoints, and its output until it was ready."""
    endpoints = folder / "endpoints.json"
    environment = {**os.environ, "XDG_STATE_HOME": str(folder), "FORCE_COLOR": "1", "COLUMNS": str(COLUMNS)}
    os.environ["XDG_STATE_HOME"] = str(folder)
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "signalscope", "demo", "--endpoints", str(endpoints)],
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


def take(console: str, out: Path, since: str, names: list[str]) -> None:
    """Take a dark and a light picture of each dashboard."""
    boards = [board["uid"] for board in from_folder(ROOT / "deploy" / "demo" / "dashboards").list()]
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as profile, Browser(Path(profile), WIDTH, 3600) as browser:
        for uid in boards:
            name = uid.removeprefix("signalscope-")
            if names and name not in names:
                continue
            for theme, target in (("dark", out / f"{name}.png"), ("light", out / f"{name}-light.png")):
                browser.resize(WIDTH, 3600)
                browser.open(f"{console}/d/{uid}?from={since}&to=now&refresh=&theme={theme}&kiosk")
                browser.until(_DONE, 60)
                height = browser.run("Math.ceil(document.body.getBoundingClientRect().height)")
                browser.resize(WIDTH, int(height))
                browser.until("new Promise(done => setTimeout(() => done(true), 400))")
                browser.picture(target)
                smaller(target)
                print(f"{target}  {target.stat().st_size / 1000:.0f} kB")


def wait(minutes: float, console: str) -> None:
    """Show how long the demo still gathers data; switch a fault on for the last third."""
    has_fault = False
    with Progress(*Progress.get_default_columns(), TimeElapsedColumn()) as progress:
        task = progress.add_task(f"gathering data ({console})", total=minutes * 60)
        while not progress.finished:
            if not has_fault and progress.tasks[0].percentage > 66:
                subprocess.run([sys.executable, "-m", "signalscope", "fault", FAULT, "on"], check=True)
                has_fault = True
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
    if options.running:
        take(state.read()["console"], options.out, "now-15m", options.names)
        return
    with tempfile.TemporaryDirectory() as folder, demo(Path(folder)) as (endpoints, recording):
        target = options.out / "demo-start.svg"
        target.write_text(recording.svg("make demo"), encoding="utf-8")
        print(f"{target}  {target.stat().st_size / 1000:.0f} kB")
        wait(options.minutes, endpoints["console"])
        take(endpoints["console"], options.out, f"now-{int(options.minutes * 60)}s", options.names)


if __name__ == "__main__":
    main()
