"""What a search may cost, in plain words, and how those are read."""

import re
from dataclasses import dataclass

from indexer.errors import ConfigError

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_BINARY = {"k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)
_TIME = re.compile(r"(\d+(?:\.\d+)?)\s*(us|µs|ms|s)?", re.IGNORECASE)
_MILLISECONDS = {"us": 1e-3, "µs": 1e-3, "ms": 1.0, "s": 1e3}


@dataclass(frozen=True, slots=True)
class Budget:
    """What an index may cost and must give.

    `max_memory` is in bytes that a search needs in memory to be fast, and as many of GPUs, all
    together, None for no limit; `min_recall` is the share of the true ten best that a search must
    find, for queries of each modality; `max_latency` is in milliseconds that one search may take on
    a machine at rest.
    """

    max_memory: int | None = None
    min_recall: float = 0.98
    max_latency: float = 10.0


def budget_of(
    max_memory: str | None, min_recall: str | None, max_latency: str | None
) -> Budget | None:
    """Returns the budget that the words say, defaults for what they leave out; None for no words.

    Raises:
        ConfigError: one of them says nothing that can be meant.
    """
    said: dict[str, float] = {}
    if max_memory is not None:
        said["max_memory"] = memory(max_memory)
    if min_recall is not None:
        said["min_recall"] = recall(min_recall)
    if max_latency is not None:
        said["max_latency"] = latency(max_latency)
    return Budget(**said) if said else None  # type: ignore[arg-type]  # sizes are int


def memory(text: str) -> int:
    """Returns the bytes that "2GB", "512 MiB" or "800000" say.

    Raises:
        ConfigError: it says no size.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None or not float(found[1]):
        raise ConfigError(f"{text!r} is no amount of memory: say for example 2GB or 512MB.")
    unit = found[2].lower()
    return int(float(found[1]) * (_BINARY[unit] if found[3] and unit else _UNITS[unit]))


def latency(text: str) -> float:
    """Returns the milliseconds that "20ms", "0.5 s" or "20" say.

    Raises:
        ConfigError: it says no time.
    """
    found = _TIME.fullmatch(text.strip())
    if found is None or not float(found[1]):
        raise ConfigError(f"{text!r} is no time: say for example 20ms or 0.5s.")
    return float(found[1]) * _MILLISECONDS[(found[2] or "ms").lower()]


def recall(text: str) -> float:
    """Returns the share that "0.95" or "95%" say.

    Raises:
        ConfigError: it says none above 0 and up to 1.
    """
    try:
        share = float(text.strip().removesuffix("%")) / (100 if text.strip().endswith("%") else 1)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise ConfigError(f"{text!r} is no recall: say for example 0.95 or 95%.")
    return share
