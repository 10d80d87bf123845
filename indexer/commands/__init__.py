"""The commands that write or inspect a library, one module each."""
