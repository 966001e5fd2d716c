"""Memory that is given back.

Left to itself glibc keeps a heap for each of many threads, where what one frees the others can't use, and takes ever
larger blocks from the heap, which then has holes.
"""

from __future__ import annotations

import ctypes

MEBIBYTE = 1 << 20
# Numbers of mallopt(3). A size that is set is no longer moved by what the process happened to free.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
WISHES = ((M_ARENA_MAX, 1), (M_MMAP_THRESHOLD, MEBIBYTE), (M_TRIM_THRESHOLD, 8 * MEBIBYTE))


def share_one_heap() -> bool:
    """To be called before threads begin: a quarter of a busy process. Threads under the GIL seldom wait for the heap.

    Says whether the C library took the settings; other libraries than glibc have none.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and all(mallopt(*wish) for wish in WISHES)
