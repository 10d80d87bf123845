"""`python -m indexer` is the `atisbo` command."""

from indexer.cli import main

main(prog_name="atisbo")
