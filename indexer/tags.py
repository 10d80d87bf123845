"""Names that can be tags."""

from collections.abc import Sequence

from indexer.errors import BadQuery
from indexer.filters import MAX_TAG, tag_name


def tag_names(names: Sequence[str]) -> Sequence[str]:
    """Returns tags as they are stored.

    Raises:
        BadQuery: a name is empty, too long, or has letters that cannot be shown.
    """
    found = [tag_name(name) for name in names]
    for name in found:
        if not name.isprintable() or not 0 < len(name) <= MAX_TAG:
            raise BadQuery(
                f"{name[:MAX_TAG]!r} can be no tag: give 1 to {MAX_TAG} characters, all printable."
            )
    return found
