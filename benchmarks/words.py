"""Write the 32-bit words of the random stream to standard output, for a battery of tests.

::

    python -m benchmarks.words | dieharder -a -g 200          # of one stream
    python -m benchmarks.words 1024 | dieharder -a -g 200     # of neighbouring blocks, in turn

It goes on until the reader closes its end.
"""

import sys
from itertools import count

import numpy as np

from modelcollapse._support.stream import fill_words, opened

WORDS = 2**20  # at a time, of all streams together


def write(streams: int) -> None:
    """Write words of so many streams in turn, the blocks 0, 1, ... of seed 0."""
    opened_streams = [opened(0, block, 0) for block in range(streams)]
    out = np.empty((streams, WORDS // streams // 4 * 4), dtype=np.uint32)
    for _ in count():
        for stream, row in zip(opened_streams, out, strict=True):
            fill_words(stream, row)
        sys.stdout.buffer.write(out.T.tobytes())


if __name__ == "__main__":
    try:
        write(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    except BrokenPipeError:
        sys.stderr.close()  # nothing is left to be said
