"""Pictures of every dashboard for the documentation, from a running demo: ``python tools/pictures.py``.

Start `make demo`, break something, wait some minutes, then run this. It drives Chromium, which draws what the console
serves, and writes docs/images/NAME.png. Pillow, when it is installed, makes them a third as large.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.browser import Browser  # noqa: E402  # see above

from signalscope.console._boards import from_folder  # noqa: E402  # ROOT comes first
from signalscope.demo.stack import state  # noqa: E402  # see above

WIDTH = 1300
MOST_BYTES = 190_000
_DONE = (
    "document.querySelectorAll('.panel').length > 0 && !document.querySelector('[data-state=waiting]')"
    " && document.body.dataset.busy === 'false'"
)


def smaller(path: Path) -> None:
    """Reduce a picture to as many colours as fit; flat panels have few."""
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


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--since", default="now-15m", help="the time range's beginning")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("names", nargs="*", help="only these dashboards, such as operations")
    options = parser.parse_args()
    console = state.read()["console"]
    options.out.mkdir(parents=True, exist_ok=True)
    wanted = [
        (each["uid"].removeprefix("signalscope-"), f"/d/{each['uid']}", "dark")
        for each in from_folder(ROOT / "deploy" / "demo" / "dashboards").list()
    ]
    wanted.append(("operations-light", "/d/signalscope-operations", "light"))
    with tempfile.TemporaryDirectory() as profile, Browser(Path(profile), WIDTH, 3600) as browser:
        for name, path, theme in wanted:
            if options.names and name not in options.names:
                continue
            browser.resize(WIDTH, 3600)
            browser.open(f"{console}{path}?from={options.since}&to=now&refresh=&theme={theme}&kiosk")
            browser.until(_DONE, 60)
            browser.resize(WIDTH, int(browser.run("Math.ceil(document.body.getBoundingClientRect().height)")))
            browser.until("new Promise(done => setTimeout(() => done(true), 400))")
            target = options.out / f"{name}.png"
            browser.picture(target)
            smaller(target)
            print(f"{target}  {target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
