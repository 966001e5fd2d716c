"""Files are parsed in processes of their own, which may crash, hang or eat memory without harm to anything else.

`parse` may be called from many threads at once. Processes start on demand (by `posix_spawn`'s way, never by a bare fork
of this multi-threaded one), serve one file after the other, and end when they were idle for a minute, have read many
files or have grown.
"""

from __future__ import annotations

import atexit
import logging
import os
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, repeat
from pathlib import Path
from secrets import token_hex
from typing import Any

from knowledge.errors import DocumentTooComplex, IngestionError
from knowledge.ingestion import frames
from knowledge.ingestion.parsed_file import CheckpointUnreadable, read_parsed
from knowledge.ingestion.parser_pool import ParserChild, ParserPool
from knowledge.ingestion.readers.limits import ReadLimits
from knowledge.types import ParsedDocument

logger = logging.getLogger(__name__)

Check = Callable[[], None]
_CHECK_SECONDS = 1.0
_WATCH_SECONDS = 0.2  # between looks at the memory
_START_SECONDS = 60.0


class ParserBroken(Exception):
    """Our fault, not the file's: a reader raised what it should not, or the parser process does not start."""


class _Gone(Exception):
    """The process died under its job."""


def parse(
    path: Path,
    *,
    file_name: str,
    limits: ReadLimits,
    output: Path,
    parts_folder: Path | None,
    check: Check,
    pool: ParserPool | None = None,
) -> ParsedDocument:
    """Parse in a process of its own; the result is in `output` as well, for `read_parsed`.

    `check` is called about once a second and raises when the work is no longer wanted: the process is killed and what
    it raised goes on. Raises subclasses of `IngestionError`, `DocumentTooComplex` for a file that takes more time or
    memory than `limits` grant or that crashes its parser, and `ParserBroken`.
    """
    partial = _partial(output)
    job = _message(path, file_name, limits, output, partial, parts_folder)
    try:
        return _result(_answer(pool or _pool, job, limits, check), output, parts_folder)
    finally:
        partial.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class SmallFile:
    """A file without files inside, to be parsed beside others; `check` as in `parse`."""

    path: Path
    file_name: str
    output: Path
    check: Check


def parse_each(
    files: Sequence[SmallFile], *, limits: ReadLimits, pool: ParserPool | None = None
) -> Generator[ParsedDocument | Exception, None, None]:
    """What `parse` returns or raises for each of these files, in their order. They go to one process all at once, so
    that it reads the next file while the caller uses the last. Limits count for each file by itself, and the death of
    the process costs only the file it read: those behind it are parsed by `parse`.
    """
    answers = _answers_in_turn(pool or _pool, files, limits)
    try:
        for file, answer in zip(files, chain(answers, repeat(None)), strict=False):
            yield _outcome(file, answer, limits, pool)
    finally:
        answers.close()


def _outcome(
    file: SmallFile, answer: dict[str, Any] | Exception | None, limits: ReadLimits, pool: ParserPool | None
) -> ParsedDocument | Exception:
    try:
        if isinstance(answer, Exception):
            return answer
        if answer is not None:
            return _result(answer, file.output, None)
        name, output = file.file_name, file.output
        return parse(
            file.path, file_name=name, limits=limits, output=output, parts_folder=None, check=file.check, pool=pool
        )
    except Exception as error:  # noqa: BLE001 - the caller sorts them, as it does those of `parse`
        return error


def _answers_in_turn(
    pool: ParserPool, files: Sequence[SmallFile], limits: ReadLimits
) -> Generator[dict[str, Any] | Exception, None, None]:
    """One answer a file, until the process can't be trusted with the next."""
    if not files:
        return
    child = pool.take()
    partials = [_partial(file.output) for file in files]
    rss, is_sound = 0, False
    try:
        _await_start(child, files[0].check)
        for file, partial in zip(files, partials, strict=True):
            frames.send(child.jobs, _message(file.path, file.file_name, limits, file.output, partial, None))
        for file in files:
            answer = _await_answer(child, limits, file.check)
            rss, was_sound = int(answer.get("rss", 0)), "ok" in answer or "error" in answer
            is_sound = was_sound and file is files[-1]  # before that there are more files in the pipe
            yield answer
            if not was_sound:
                return
    except frames.PipeClosed:
        logger.warning("parser.died", extra={"files": child.files})
    except Exception as error:  # noqa: BLE001 - of the file that is being read: too long, too large, not wanted
        yield error
    finally:
        pool.give_back(child, rss=rss, is_sound=is_sound, files=len(files))
        for partial in partials:
            partial.unlink(missing_ok=True)


def _partial(output: Path) -> Path:
    return output.with_name(f".{output.name}.{token_hex(4)}")


def _message(
    path: Path, file_name: str, limits: ReadLimits, output: Path, partial: Path, parts_folder: Path | None
) -> dict[str, Any]:
    return {
        "path": str(path.absolute()),
        "file_name": file_name.encode(errors="replace").decode(),
        "limits": asdict(limits),
        "output": str(output.absolute()),
        "partial": str(partial.absolute()),
        "parts_folder": str(parts_folder.absolute()) if parts_folder else None,
    }


def _result(answer: dict[str, Any], output: Path, parts_folder: Path | None) -> ParsedDocument:
    _raise_what_went_wrong(answer)
    try:
        return _checked(output, parts_folder)
    except CheckpointUnreadable as error:
        raise ParserBroken(str(error)) from error


def close() -> None:
    """End all parser processes. The next `parse` starts new ones."""
    _pool.close()


def _answer(pool: ParserPool, job: dict[str, Any], limits: ReadLimits, check: Check) -> dict[str, Any]:
    child = pool.take()
    try:
        return _run(pool, child, job, limits, check)
    except _Gone as death:
        if not child.files:
            raise DocumentTooComplex(detail=str(death)) from death
        logger.warning("parser.died", extra={"detail": str(death), "files": child.files})
    try:  # a file read before may have left the damage: in a fresh process the blame is clear
        return _run(pool, pool.start(), job, limits, check)
    except _Gone as death:
        raise DocumentTooComplex(detail=str(death)) from death


def _run(pool: ParserPool, child: ParserChild, job: dict[str, Any], limits: ReadLimits, check: Check) -> dict[str, Any]:
    try:
        _await_start(child, check)
        frames.send(child.jobs, job)
        answer = _await_answer(child, limits, check)
        rss = int(answer.get("rss", 0))
    except frames.PipeClosed as error:
        raise _Gone(child.end()) from error
    except BaseException:
        child.end()
        raise
    pool.give_back(child, rss=rss, is_sound="ok" in answer or "error" in answer)
    return answer


def _await_start(child: ParserChild, check: Check) -> None:
    """A process that doesn't come up is our fault, so it has a limit and an error of its own."""
    if child.is_ready:
        return
    until = time.monotonic() + _START_SECONDS
    reader = frames.FrameReader(child.answers)
    try:
        while reader.poll(_CHECK_SECONDS) is None:
            check()
            if time.monotonic() > until:
                raise ParserBroken("the parser process does not start")
    except frames.PipeClosed as error:
        raise ParserBroken(f"the parser process does not start: {child.end()}") from error
    child.is_ready = True


def _await_answer(child: ParserChild, limits: ReadLimits, check: Check) -> dict[str, Any]:
    start = checked = time.monotonic()
    reader = frames.FrameReader(child.answers)
    while (answer := reader.poll(min(_WATCH_SECONDS, limits.max_seconds))) is None:
        now = time.monotonic()
        if now - start > limits.max_seconds:
            raise DocumentTooComplex(detail=f"more than {limits.max_seconds:g} s")
        if (held := child.memory()) > child.rss + limits.max_memory_bytes:
            raise DocumentTooComplex(detail=f"more than {held} bytes of memory")
        if now - checked >= _CHECK_SECONDS:
            checked = now
            check()
    return answer


def _raise_what_went_wrong(answer: dict[str, Any]) -> None:
    match answer:
        case {"ok": True}:
            return
        case {"error": str(code), "text": str(text), "detail": str(detail)}:
            raise _error_class(code)(text, detail=detail)
        case {"complex": str(detail)}:
            raise DocumentTooComplex(detail=detail)
        case {"crash": str(detail)}:
            raise ParserBroken(detail)
    raise ParserBroken(f"an answer we do not know: {answer!r:.200}")


def _checked(output: Path, parts_folder: Path | None) -> ParsedDocument:
    """Parts become documents: a process that a file took over must not name any other file of ours as one."""
    parsed = read_parsed(output)
    folder = parts_folder and parts_folder.absolute()
    for part in parsed.parts:
        if part.path.parent != folder or part.path.is_symlink() or not part.path.is_file():
            output.unlink()  # or a later attempt would take it for read
            raise ParserBroken(f"a part outside its folder: {part.path}")
    return parsed


def _error_class(code: str) -> type[IngestionError]:
    """The failure with this code, or their common ancestor."""
    classes = [IngestionError]
    for ancestor in classes:
        if ancestor.code == code:
            return ancestor
        classes += ancestor.__subclasses__()
    return IngestionError


_pool = ParserPool()


def _forget_pool() -> None:
    """A forked copy of this process must not share its parent's parsers."""
    global _pool
    _pool.abandon()
    _pool = ParserPool()


os.register_at_fork(after_in_child=_forget_pool)
atexit.register(close)
