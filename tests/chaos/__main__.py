"""``make chaos``: make each fault, check that nothing is lost, and write the table of docs/reliability.md."""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.chaos.account import Account
from tests.chaos.faults import FAULTS, Fault, run

from signalscope import binaries

PAGE = binaries.ROOT / "docs" / "reliability.md"
_TABLE = re.compile(r"(<!-- measured: written by `make chaos` -->\n).*?(\n<!-- measured: end -->)", re.DOTALL)
_HEAD = (
    "| fault | calls | counted | spans | stored | sampled out | given up | dropped | lost | at most |",
    "| --- |" + " ---: |" * 9,
)


def row(title: str, account: Account) -> str:
    """Return a row of the table."""
    numbers = (
        account.calls, account.counted, account.accepted, account.stored, account.sampled_out, account.given_up,
        account.dropped, account.lost, account.most,
    )  # fmt: skip
    return f"| {title} | " + " | ".join(f"{number:,.0f}" for number in numbers) + " |"


def write(rows: Sequence[str], page: Path = PAGE) -> None:
    """Replace the table of the page."""
    text = page.read_text(encoding="utf-8")
    day = f"Measured on {datetime.now(UTC):%Y-%m-%d}:"
    body = "\n".join(("", day, "", *_HEAD, *rows, ""))
    page.write_text(_TABLE.sub(lambda table: table[1] + body + table[2], text), encoding="utf-8")


def _attempt(fault: Fault, *, short: bool) -> str | None:
    """Return the row of a fault; None if something was lost, or the run failed."""
    title = fault.title.format(seconds=fault.seconds[short])
    print(f"{fault.name}: {title}", flush=True)
    begun = time.monotonic()
    try:
        account, how = run(fault, short=short)
        print(f"  {account}\n  network: {how}; {time.monotonic() - begun:.0f} s", flush=True)
        account.check()
    except AssertionError as error:
        print(f"  FAILED: {error}", flush=True)
        return None
    return row(title, account)


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status: 0 if every fault kept what it must keep."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="FAULT", help="; ".join(fault.name for fault in FAULTS))
    parser.add_argument("--short", action="store_true", help="short faults; the page is not written")
    options = parser.parse_args(arguments)
    known = {fault.name: fault for fault in FAULTS}
    if unknown := sorted(set(options.names) - set(known)):
        parser.error(f"unknown fault {', '.join(unknown)}; use one of {', '.join(known)}")
    faults = [known[name] for name in options.names] or list(FAULTS)
    rows = [_attempt(fault, short=options.short) for fault in faults]
    kept = [one for one in rows if one is not None]
    print(f"{len(kept)} of {len(faults)} faults lost nothing that is not counted")
    if len(kept) == len(FAULTS) and not options.short:
        write(kept)
    return 0 if len(kept) == len(faults) else 1


if __name__ == "__main__":
    sys.exit(main())
