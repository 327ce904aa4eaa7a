"""The rendering process: reads an order a line, makes the documents, writes an answer a line.

Run as `python -m storage.exports.press`. In a process of its own because laying pages out holds Python's lock for
seconds and, once in a while, a library dies of what it is given.
"""

import os
import sys

from storage.exports.documents import carry_out
from storage.exports.orders import ANSWER, ORDER, Broken

_NICENESS = 10


def main() -> None:
    """Serve until the other side closes."""
    # Whoever waits for a document waits for seconds; whoever writes a message shall not notice.
    os.nice(max(0, _NICENESS - os.nice(0)))
    # Libraries print to standard output, which is the answers' way.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    for line in sys.stdin.buffer:
        try:
            answer = ANSWER.dump_json(carry_out(ORDER.validate_json(line)))
        except Exception as error:  # noqa: BLE001 (the edge of a step: the other side is told)
            answer = ANSWER.dump_json(Broken(f"{type(error).__name__} in {_place(error)}"))
        answers.write(answer + b"\n")
        answers.flush()


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "?" if trace is None else f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"  # noqa: PTH119


if __name__ == "__main__":
    main()
