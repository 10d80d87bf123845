"""The command line as a user runs it."""

import os
import subprocess
import sys


def atisbo(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    """Runs `atisbo` with the demo model, which loads at once, and returns what it said."""
    command = [sys.executable, "-m", "indexer", *map(str, arguments)]
    options.setdefault("env", {**os.environ, "ATISBO_MODEL": "colour"})
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, **options
    )
