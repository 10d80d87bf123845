"""HTTP in, JSON out; nothing is decided here."""
