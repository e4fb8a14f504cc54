"""Compress in several threads, for an answer that has the processors to itself."""

from __future__ import annotations

import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

from leadline.io.png_writer import LEVEL
from leadline.io.processors import usable_processors

MOST_PARTS = 4
LEAST_PART = 1 << 16
"""Bytes; smaller parts are compressed before another thread wakes up."""

_RAW = -15
_HEADER = b"\x78\x01"


class ParallelDeflate:
    """Makes one zlib stream (RFC 1950) of parts that are compressed in parallel.

    The parts are compressed independently, which costs a few bytes in ten thousand. `compress` may
    be called from several threads.
    """

    def __init__(self, processors: int | None = None):
        count = usable_processors() if processors is None else processors
        self._parts = min(count, MOST_PARTS)
        self._threads = ThreadPoolExecutor(max(1, self._parts - 1), thread_name_prefix="deflate")

    def compress(self, data: memoryview) -> bytes:
        """Compress contiguous bytes for `zlib.decompress`."""
        parts = max(1, min(self._parts, len(data) // LEAST_PART))
        ends = [len(data) * part // parts for part in range(parts + 1)]
        pieces = [data[start:end] for start, end in pairwise(ends)]
        others = [self._threads.submit(_deflate, piece, False) for piece in pieces[:-1]]
        last = _deflate(pieces[-1], True)
        checksum = struct.pack(">I", zlib.adler32(data))
        return b"".join([_HEADER, *(other.result() for other in others), last, checksum])

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown()


def _deflate(piece: memoryview, is_last: bool) -> bytes:
    packer = zlib.compressobj(LEVEL, wbits=_RAW)
    return packer.compress(piece) + packer.flush(zlib.Z_FINISH if is_last else zlib.Z_SYNC_FLUSH)
