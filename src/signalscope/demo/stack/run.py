"""Run the local stack for `signalscope demo`, until Ctrl-C or for some seconds."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console
from rich.markup import escape

from signalscope import binaries
from signalscope.demo.faults import FAULTS
from signalscope.demo.promises import promises
from signalscope.demo.stack import state
from signalscope.demo.stack._builds import Builds, Joining
from signalscope.demo.stack._processes import PartError
from signalscope.demo.stack._stack import Stack
from signalscope.demo.stack._supervisor import Supervisor
from signalscope.demo.stack.ports import choose


class _Terminated(BaseException):
    """SIGTERM arrived, or the terminal was closed; the demo then ends as after Ctrl-C."""


def run(
    console: Console,
    *,
    duration: float | None,
    endpoints: Path | None,
    load: float,
    ports: dict[str, int | None],
    history: int = 0,
) -> None:
    """Start all parts, print their URLs, and wait.

    Args:
        console: The console to print to.
        duration: Seconds to run once all parts are ready; None to run until Ctrl-C.
        endpoints: A file for the URLs of all parts, as JSON; it is written once all parts are ready.
        load: Requests per second, on average.
        ports: The ports that the user chose; None for a default port.
        history: The length of the generated history in Prometheus, in seconds; 0 for none.

    Raises:
        PartError: A part did not start or ended by itself, or no data arrived.
        PortError: A port that the user chose is taken.
        StateError: The file that tells `signalscope fault` about the demo cannot be written.
    """
    begun = time.monotonic()
    state.prepare()

    def say(line: str) -> None:
        console.print(
            f"[dim]{time.monotonic() - begun:5.1f} s[/dim]  {escape(line)}", highlight=False, soft_wrap=True
        )

    failed: set[str] = set()
    embedded, must_build = missing_parts()
    notes = (
        ["no generated history: it needs Prometheus, and the demo runs embedded"]
        if history and embedded
        else []
    )
    with choose(ports) as (chosen, port_notes), _ended_by_signals():
        for note in (*notes, *port_notes):
            say(note)
        if endpoints is not None:
            endpoints.unlink(missing_ok=True)  # a program that waits for the file must not read an old one
        try:
            stack = Stack(chosen, load=load, say=say, embedded=embedded, later=must_build, history=history)
            failed = stack.failed
            with stack, Builds(stack.data) if must_build else contextlib.nullcontext() as builds:
                if builds is None:
                    say("waiting for data")
                    stack.wait_for_data()

                def publish() -> None:
                    known = {**stack.endpoints(), "supervisor": supervisor.url}
                    state.write(known)
                    if endpoints is not None:
                        _write(endpoints, known)

                with Supervisor(stack, say, publish) as supervisor:
                    if builds is not None:
                        state.write({**stack.endpoints(), "supervisor": supervisor.url})
                        _wait_for_parts(console, stack, Joining(stack, builds, say), supervisor)
                    say("ready")
                    console.print(_welcome(stack, duration), highlight=False, soft_wrap=True)
                    publish()  # after the text: a reader of the file may end the demo
                    supervisor.watch(duration)
        except (KeyboardInterrupt, _Terminated):
            pass
        finally:
            state.forget()
    with contextlib.suppress(OSError):  # the terminal may be gone
        console.print("The demo has stopped.", highlight=False)
    if failed:
        raise PartError(
            f"{', '.join(sorted(failed))} ended too early; the logs are kept in {stack.data} [SS733]"
        )


def missing_parts() -> tuple[str | None, bool]:
    """Return why the pipeline cannot run, None if it can; and whether the demo must build a binary."""
    try:
        return None, bool(binaries.missing_for_demo())
    except binaries.NoCheckoutError as error:
        return str(error), False


def _wait_for_parts(console: Console, stack: Stack, joining: Joining, supervisor: Supervisor) -> None:
    """Print where the console is, and watch the stack until every part has joined or cannot join."""
    lines = [
        "",
        "[bold]A signal service is running under load.[/bold] Its monitoring is still being built.",
        "",
        f"  open         [bold]{stack.url('console')}[/bold]   the process's own numbers, and what is missing",
        f"  service      {stack.url('service')}/docs   the API; also /health and /metrics",
        "",
    ]
    console.print("\n".join(lines), highlight=False, soft_wrap=True)

    def is_over() -> bool:
        joining.step()
        return joining.is_done()

    supervisor.watch(None, is_over)
    if not {"collector", "prometheus"} <= stack.parts.keys():
        stack.embedded = " ".join(" ".join(joining.failed.values()).split()).rstrip(".")


def _write(path: Path, endpoints: dict[str, Any]) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(json.dumps(endpoints, indent=1), encoding="utf-8")
    partial.replace(path)  # in one step: a waiting program must not read half a file


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """End the block at SIGTERM or a closed terminal as at Ctrl-C; ignore any signal after the first."""
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup ignores it
        numbers.append(signal.SIGHUP)

    def end(number: int, _: FrameType | None) -> None:
        for ignored in numbers:
            signal.signal(ignored, signal.SIG_IGN)
        raise KeyboardInterrupt if number == signal.SIGINT else _Terminated

    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _welcome(stack: Stack, duration: float | None) -> str:
    service, command, fault = stack.url("service"), _command(), FAULTS["config-down"]
    if stack.embedded is None:
        monitoring, shown = "with its whole monitoring", "dashboards, alerts and the URLs of all parts"
        seen = f"the alert {fault.alerts[0]} fires within {promises(fault)[fault.alerts[0]]} s"
        parts = [
            f"  Prometheus   {stack.url('prometheus')}   API only, for example /api/v1/query?query=up",
            f"  Alertmanager {stack.url('alertmanager')}   API only, for example /api/v2/alerts"
            if "alertmanager" in stack.parts
            else "  Alertmanager is missing",
            f"  Collector    OTLP {stack.url('otlp_grpc')} (gRPC), {stack.url('otlp_http')} (HTTP)",
        ]
    else:
        monitoring, shown, seen = "without its monitoring", "the URLs of all parts", f"see {service}/health"
        parts = [
            "",
            f"  [yellow]Embedded:[/yellow] {stack.embedded}.",
            "  Metrics are only at /metrics of the service. Dashboards and alerts are not available.",
        ]
    if stack.generated_until is not None:
        until = datetime.fromtimestamp(stack.generated_until, UTC)
        parts.append(
            f"  [yellow]Generated[/yellow]    all before {until:%Y-%m-%d %H:%M} UTC: it is not measured"
        )
    ending = "" if duration is None else f"The demo ends after {duration:g} s. "
    lines = [
        "",
        f"[bold]A signal service is running under load, {monitoring}.[/bold]",
        "",
        f"  open         [bold]{stack.url('console')}[/bold]   {shown}",
        f"  service      {service}/docs   the API; also /health and /metrics",
        f"  monitoring   {service}/monitoring/enhanced-metrics   any user name, and the password",
        f"               {stack.token}",
        *parts,
        "",
        "  Break a part on purpose, in another terminal:",
        f"    [bold]{command} fault list[/bold]",
        f"    [bold]{command} fault {fault.name} on[/bold]   {seen}",
        "",
        f"  Logs: {stack.data}   {ending}Ctrl-C stops all processes and removes their data.",
        "",
    ]
    return "\n".join(lines)


def _command() -> str:
    """Return the command that runs ``signalscope`` from the current folder."""
    script = Path(sys.executable).with_name("signalscope")
    if shutil.which("signalscope") == str(script):
        return "signalscope"
    return str(script.relative_to(Path.cwd()) if script.is_relative_to(Path.cwd()) else script)
