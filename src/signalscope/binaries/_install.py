"""Fill the cache with the missing projects. One process at a time does so; a binary appears only when complete."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from ._build import OLDEST_GO, Say, build, cancelled, copy, has_image, pause
from ._find import missing, missing_for_demo
from ._progress import Progress
from ._projects import BinaryError, Project, cache

#: A folder with this prefix in the cache is not finished.
_UNFINISHED = ".making-"


def install(say: Say = print, *, tests: bool = False, only: str | None = None) -> None:
    """Get every missing project, one after the other, and report progress.

    Args:
        say: Called with each line of progress.
        tests: True to include the projects that only the tests need.
        only: A binary, to get only its project; None for all projects.

    Raises:
        BinaryError: A project could not be built or copied; the message says why, and what to do.
    """

    def wanted() -> list[Project]:
        everything = missing(tests=tests or only is not None)
        return [project for project in everything if only is None or only in project.binaries]

    if not wanted():
        return
    try:
        with _alone(say):
            for project in wanted():  # again: another process may have added some meanwhile
                _install(project, say)
    except OSError as error:
        raise BinaryError(f"{error.filename or cache()}: {error.strerror or error} [SS757]") from None


def install_for_demo(progress: Progress, say: Say = print) -> None:
    """Get what the demo runs, each part as soon as possible, and record the progress; a failure is recorded too.

    The next build starts when the one before it only links, which leaves a core idle. All share Go's build cache.
    """
    try:
        with _alone(say):
            builds: list[Thread] = []
            for project in missing_for_demo():
                links = Event()
                builds.append(Thread(target=_attempt, args=(project, progress, links, say)))
                builds[-1].start()
                while not links.is_set():
                    pause(0.1)
            for thread in builds:
                thread.join()
    except OSError as error:
        progress.end(f"{error.filename or cache()}: {error.strerror or error} [SS757]")
    except BinaryError as error:
        progress.end(str(error))


def _attempt(project: Project, progress: Progress, links: Event, say: Say) -> None:
    """Get a project; ``links`` is set when the next build may start."""

    def hear(line: str) -> None:
        progress.hear(project.name, line)
        if line in project.packages or line.endswith(f"/{project.packages[0].removeprefix('./')}"):
            links.set()

    progress.begin(project.name)
    try:
        _install(project, say, hear)
        progress.ready(project.name)
    except (BinaryError, OSError) as error:
        progress.fail(project.name, " ".join(str(error).split()))
    finally:
        links.set()


def _install(project: Project, say: Say, hear: Say | None = None) -> None:
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(
        prefix=f"{_UNFINISHED}{project.name}-", dir=project.folder.parent
    ) as work:
        made = Path(work) / "made"
        made.mkdir()
        _get(project, made, Path(work), say, hear)
        project.folder.mkdir(exist_ok=True)
        for binary in project.binaries:  # others of the same project may be there already
            (made / binary).replace(project.folder / binary)
    say(f"{project.name} {project.version}: ready after {time.monotonic() - begun:.0f} s")


@contextmanager
def _alone(say: Say) -> Iterator[None]:
    """Wait until no other process fills the cache, and remove what a killed process left there."""
    folder = cache()
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder, os.O_RDONLY)
    try:
        waits = False
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not waits:
                    say(f"another setup is filling {folder}; waiting for it")
                waits = True
                pause(0.5)
        for left in folder.glob(f"{_UNFINISHED}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield
    finally:
        os.close(lock)


def _get(project: Project, made: Path, work: Path, say: Say, hear: Say | None) -> None:
    reasons = []
    for way in (copy, build) if has_image(project) else (build, copy):
        try:
            way(project, made, work, say, hear)
        except BinaryError as error:
            if cancelled.is_set():
                raise
            reasons.append(str(error))
        else:
            return
    raise BinaryError(
        f"{project.name} {project.version} could be neither built nor copied:\n  - "
        + "\n  - ".join(reasons)
        + f"\nInstall Go {OLDEST_GO[0]}.{OLDEST_GO[1]} or newer (https://go.dev/dl/), or start Docker, or put "
        f"{' and '.join(project.binaries)} {project.version} on your PATH. Then run `make setup` again. [SS751]"
    )
