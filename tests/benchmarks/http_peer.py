"""Starts clip-retrieval's `clip back` for the benchmark; run by the Python that has it.

    python http_peer.py INDICES.json PORT MODEL

All is its own, with the options that ask for models of others left off, but the address: it would
listen on all of the machine's.
"""

import sys
from typing import Any

from clip_retrieval.clip_back import clip_back
from flask import Flask

_run = Flask.run


def _run_here(app: Flask, host: str | None = None, **options: Any) -> None:
    _run(app, host="127.0.0.1", **options)


def main(indices: str, port: str, model: str) -> None:
    """Serves until it is ended."""
    Flask.run = _run_here  # type: ignore[method-assign, assignment]
    clip_back(
        indices_paths=indices,
        port=int(port),
        clip_model=model,
        use_jit=False,
        enable_mclip_option=False,
        provide_aesthetic_embeddings=False,
        columns_to_return=["image_path"],
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
