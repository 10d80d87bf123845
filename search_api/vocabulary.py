"""The words that say what pictures show: those that come with atisbo, or a user's own."""

from pathlib import Path

from indexer.errors import ConfigError

OWN = Path(__file__).with_name("vocabulary.txt")
MOST = 20_000
"""Words at most: `pocket` embeds so many in some ten seconds."""
_LONGEST = 200


def read_vocabulary(file: Path | None = None) -> tuple[str, ...]:
    """Returns the words and phrases of a text file, or those that come with atisbo, each once.

    One stands on each line; empty lines, and those that begin with #, are passed over.

    Raises:
        ConfigError: the file cannot be read, is no text, or has nothing or too much in it.
    """
    named = file or OWN
    try:
        lines = named.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise _refused(named, f"cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise _refused(named, f"is not text in UTF-8 (byte {error.start})") from error
    found: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        word = " ".join(line.split())
        if len(word) > _LONGEST:
            raise _refused(
                named,
                f"has {len(word)} characters in line {number}; a phrase has {_LONGEST} at most",
            )
        if word and not word.startswith("#"):
            found.setdefault(word.casefold(), word)
    if not found:
        raise _refused(named, "has no words in it: write one word or phrase a line")
    if len(found) > MOST:
        raise _refused(named, f"has {len(found):,} words; it may have {MOST:,}")
    return tuple(found.values())


def _refused(file: Path, why: str) -> ConfigError:
    return ConfigError(
        f"the vocabulary {file} {why}. Mend it, or leave ATISBO_VOCABULARY empty for the words "
        "that come with atisbo."
    )
