"""Texts that are compared with patterns, whatever their case, in SQL."""

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Any
from unicodedata import normalize

from sqlalchemy import ColumnElement, Dialect, false, func, or_

_ESCAPE = "\\"


class Wild(Enum):
    """What stands for other letters: any number of them, or one."""

    MANY = "*"
    ONE = "?"


Pattern = Sequence[str | Wild]
"""Letters, one by one, and what stands for others; the whole text has to fit."""


def containing(words: str) -> Pattern:
    """Returns the pattern of texts that contain the words."""
    return [Wild.MANY, *words, Wild.MANY]


def wildcards(pattern: str) -> Pattern:
    """Returns a pattern of `*`, `?` and letters; stars in a row are one."""
    known = {one.value: one for one in Wild}
    found: list[str | Wild] = []
    for letter in pattern:
        one = known.get(letter, letter)
        if one is not Wild.MANY or found[-1:] != [Wild.MANY]:
            found.append(one)
    return found


def fits(dialect: Dialect, column: Any, pattern: Pattern) -> ColumnElement[bool]:
    """Returns the condition that the text fits the pattern, whatever the case of its letters.

    Beyond ASCII neither database knows small and capital letters by itself (PostgreSQL does where
    its locale does), so there each letter of the pattern becomes a set of both. Letters whose other
    case is two letters, such as "ß", fit themselves alone. Accents may be written as one letter or
    as two, as in names of files from a Mac.
    """
    if "\0" in pattern:  # which PostgreSQL does not take, and no text has
        return false()
    if all(one.isascii() for one in pattern if isinstance(one, str)):
        return _fits_ascii(dialect, column, pattern)
    return or_(*(_fits_letters(dialect, column, form) for form in _forms(pattern)))


def last_part(path: Any) -> Any:
    """Returns the expression of what follows the last "/" of a path."""
    folder = func.rtrim(path, func.replace(path, "/", ""))
    return func.substr(path, func.length(folder) + 1)


def _fits_ascii(dialect: Dialect, column: Any, pattern: Pattern) -> ColumnElement[bool]:
    wild = {Wild.MANY: "%", Wild.ONE: "_"}
    text = "".join(
        (_ESCAPE + one if one in "%_\\" else one) if isinstance(one, str) else wild[one]
        for one in pattern
    )
    # `ilike` would make SQLite lower each text first, though its LIKE ignores case by itself.
    compared = column.like if dialect.name == "sqlite" else column.ilike
    condition: ColumnElement[bool] = compared(text, escape=_ESCAPE)
    return condition


def _fits_letters(dialect: Dialect, column: Any, pattern: Pattern) -> ColumnElement[bool]:
    condition: ColumnElement[bool]
    if dialect.name == "sqlite":
        text = "".join(_glob(one) if isinstance(one, str) else one.value for one in pattern)
        condition = column.op("GLOB", is_comparison=True)(text)
    else:
        wild = {Wild.MANY: ".*", Wild.ONE: "."}
        inner = "".join(_regular(one) if isinstance(one, str) else wild[one] for one in pattern)
        condition = column.op("~", is_comparison=True)(f"^{inner}$")
    return condition


def _glob(letter: str) -> str:
    cases = _cases(letter)
    return f"[{cases}]" if len(cases) > 1 or letter in "*?[" else letter


def _regular(letter: str) -> str:
    cases = _cases(letter)
    if len(cases) > 1:
        return f"[{cases}]"
    return f"\\{letter}" if letter.isascii() and not letter.isalnum() else letter


def _cases(letter: str) -> str:
    found = dict.fromkeys([letter, letter.lower(), letter.upper(), letter.casefold()])
    return "".join(one for one in found if len(one) == 1)


def _forms(pattern: Pattern) -> Iterator[Pattern]:
    """Yields the pattern as it is, with composed letters, and with accents apart."""
    seen = []
    for form in (None, "NFC", "NFD"):
        parts: list[str | Wild] = []
        for one in _runs(pattern):
            text = one if isinstance(one, Wild) or form is None else normalize(form, one)
            parts += [text] if isinstance(text, Wild) else list(text)
        if parts not in seen:
            seen.append(parts)
            yield parts


def _runs(pattern: Pattern) -> Iterator[str | Wild]:
    run = ""
    for one in pattern:
        if isinstance(one, str):
            run += one
            continue
        if run:
            yield run
        run = ""
        yield one
    if run:
        yield run
