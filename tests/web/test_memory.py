"""Large blocks leave the process when they are freed, also after larger ones."""

import ctypes
import gc

import pytest

from web.http.memory import return_large_blocks

_MEGABYTE = 1024 * 1024


class _MallInfo(ctypes.Structure):
    """glibc's `struct mallinfo2`."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    )


def apart() -> int:
    """Count the bytes in blocks of their own, outside the heap."""
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = _MallInfo
    return int(mallinfo().hblkhd)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="only glibc counts and keeps blocks so")
def test_a_large_block_is_returned_to_the_system_although_a_larger_one_was_freed_before() -> None:
    larger = bytearray(8 * _MEGABYTE)
    del larger
    gc.collect()

    assert return_large_blocks()

    before = apart()
    large = bytearray(_MEGABYTE)
    assert apart() >= before + _MEGABYTE
    del large
    assert apart() == before
