"""Trying GPUs in a process apart, as FAISS aborts the one in which CUDA reports an error.

That is what a driver that is too old, or a GPU that this build of FAISS was not made for, looks
like; no exception tells of it.
"""

import subprocess
import sys
from functools import cache

TRIAL = (sys.executable, "-c", "from indexer.vectors.gpu import opened; opened(64)")
_TIMEOUT_S = 120


@cache
def ending(command: tuple[str, ...], timeout_s: float = _TIMEOUT_S) -> str:
    """Returns what ends a process that runs this, "" where it ends by itself, however.

    Asked again it does not run again.

    Args:
        command: The program and its arguments.
        timeout_s: Seconds to wait; a process that takes longer is killed.
    """
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=timeout_s, check=False, errors="replace"
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {timeout_s:g} s"
    except OSError:
        return ""  # nothing can be tried apart here
    if done.returncode >= 0:
        return ""
    lines = done.stderr.split("details: ")[-1].splitlines()
    return lines[0] if lines else f"signal {-done.returncode}"
