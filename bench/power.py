"""What of a file the disk does not have yet: the pages that the kernel still holds as dirty."""

import ctypes
import os
from pathlib import Path

CACHESTAT = 451
"""Source: cachestat(2), Linux 6.5; the number is the same on every architecture."""

_PAGE = os.sysconf("SC_PAGE_SIZE")


class _Range(ctypes.Structure):
    _fields_ = (("offset", ctypes.c_uint64), ("length", ctypes.c_uint64))


class _Pages(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_uint64)
        for name in ("cached", "dirty", "writeback", "evicted", "recently_evicted")
    )


def can_tell() -> bool:
    """Return whether this kernel tells the state of pages."""
    return _pages(Path(__file__)) is not None


def cut(file: Path) -> int:
    """Shorten a file that was only appended to, to what the disk has; return how much that took.

    Pages are all or nothing here: what was on disk of the first dirty one goes, too, up to 4 KiB.
    Whatever the disk itself holds back is not known.

    Raises:
        OSError: this kernel does not tell.
    """
    pages = _pages(file)
    if pages is None:
        raise OSError("cachestat: not in this kernel")
    size = file.stat().st_size
    clean = -(-size // _PAGE) - pages
    kept = min(size, clean * _PAGE) if pages else size
    os.truncate(file, kept)
    return size - kept


def _pages(file: Path) -> int | None:
    """Return how many pages of a file are dirty or on their way, None where nobody can tell."""
    libc = ctypes.CDLL(None, use_errno=True)
    found = _Pages()
    with file.open("rb") as opened:
        everything = ctypes.byref(_Range(0, 0))
        failed = libc.syscall(CACHESTAT, opened.fileno(), everything, ctypes.byref(found), 0)
    return None if failed else int(found.dirty + found.writeback)
