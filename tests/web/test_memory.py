"""Large blocks leave the process when they are freed, also after larger ones."""

import ctypes
import subprocess
import sys

import pytest

_PROGRAM = """
import ctypes, gc
from web.http.memory import return_large_blocks

class MallInfo(ctypes.Structure):
    names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
    _fields_ = [(name, ctypes.c_size_t) for name in names.split()]

def bytes_outside_the_heap():
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = MallInfo
    return mallinfo().hblkhd

megabyte = 1024 * 1024
larger = bytearray(8 * megabyte)
del larger
gc.collect()
assert return_large_blocks()

before = bytes_outside_the_heap()
large = bytearray(megabyte)
print(bytes_outside_the_heap() - before >= megabyte)
del large
print(bytes_outside_the_heap() == before)
"""


# In a process of its own: a heap that has a free megabyte already, as that of long tests may have, would give it.
@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="only glibc counts and keeps blocks so")
def test_a_large_block_is_returned_to_the_system_although_a_larger_one_was_freed_before() -> None:
    ran = subprocess.run(  # noqa: S603 -- this file's own program
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True
    )

    assert ["True", "True"] == ran.stdout.split()
