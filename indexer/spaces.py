"""The spaces of a library: the model's own, and those taught on top of it.

library.json              {"format": 1, "id": uuid, "space": NAME}, NAME is live
spaces/NAME/space.json    {"model", "fingerprint", "dim", "adapter": null or {"base", "file"}, ...}
spaces/NAME/relevance.json what its cosines are worth, see indexer.calibration; may be missing

A library's first space holds the model's own vectors. A taught space holds the same items under an
adapter; its vectors follow from those of its base. Replacing library.json is the switch; space.json
is written last, so a folder without one is no space, only the rest of a crash.
"""

import errno
import json
import re
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from indexer.embedders.adapted import Adapter
from indexer.errors import ConfigError, IndexMismatch, Unavailable
from indexer.types import Embedder, Modality
from indexer.vectors import open_index
from indexer.vectors.durable import write_atomically
from indexer.vectors.family import FamilyIndex, Taught
from indexer.vectors.stored import StoredIndex

FORMAT = 1
HEAD = "library.json"
_SPACE = "space.json"
_ADAPTER = "adapter.safetensors"
_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
_OWN_KEYS = {"model", "fingerprint", "dim", "adapter"}


@dataclass(frozen=True, slots=True)
class Space:
    """What made a space's vectors.

    `base` names the space whose vectors it was computed from, None for a model's own; `facts` are
    the figures that a taught space was accepted with.
    """

    model: str
    fingerprint: str
    dim: int
    name: str
    base: str | None = None
    live: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)


def read_head(folder: Path) -> dict[str, Any] | None:
    """Returns the content of library.json, None if `folder` is no library.

    Raises:
        IndexMismatch: a newer atisbo made it.
        Unavailable: it is damaged.
    """
    head = _read_json(folder / HEAD)
    if head is not None and head["format"] > FORMAT:
        raise IndexMismatch(
            f"the library {folder} has format {head['format']}; this atisbo reads up to {FORMAT}. "
            "Update atisbo."
        )
    return head


def require_head(folder: Path) -> dict[str, Any]:
    """Returns the content of library.json.

    Raises:
        ConfigError: there is no library in the folder.
        IndexMismatch: a newer atisbo made it.
        Unavailable: it is damaged.
    """
    head = read_head(folder)
    if head is None:
        raise ConfigError(
            f"there is no library in {folder}. Make one with: "
            f"atisbo index FOLDER --library {folder}"
        )
    return head


def unwritable(folder: Path, error: OSError) -> Unavailable:
    """Returns what to raise where the library in `folder` cannot be written."""
    way_out = "Make room there" if error.errno in _FULL else "See to its disk and its permissions"
    return Unavailable(
        f"the library {folder} cannot be written: {error.strerror or error}. {way_out} and run the "
        "same command again: what was done is kept."
    )


def write_first(folder: Path, space: Space) -> None:
    """Makes `folder` a library whose only space is `space`, still empty."""
    begin_space(folder, space)
    _write_json(folder / HEAD, {"format": FORMAT, "id": uuid.uuid4().hex, "space": space.name})


def own_space(model: str, fingerprint: str, dim: int) -> Space:
    """Returns the space of a model's own vectors, in whatever library."""
    prefix = re.sub(r"[^A-Za-z0-9.]+", "-", model)[-60:].strip("-")
    return Space(model, fingerprint, dim, f"{prefix}-{fingerprint}")


def space_for(embedder: Embedder) -> Space:
    """Returns the space of this model's own vectors, in whatever library."""
    return own_space(embedder.name, embedder.fingerprint, embedder.dim)


def begin_space(folder: Path, space: Space) -> None:
    """Makes a model's own space, empty and not live, unless it is there already.

    Raises:
        Unavailable: the library cannot be written.
    """
    target = _folder(folder, space.name)
    try:
        target.mkdir(parents=True, exist_ok=True)
        if not (target / _SPACE).exists():
            _write_json(target / _SPACE, _stored(space, None))
    except OSError as error:
        raise unwritable(folder, error) from error


def read_space(folder: Path, name: str, *, live: bool = False) -> Space:
    """Returns the space of that name.

    Raises:
        Unavailable: its space.json is missing or damaged.
    """
    stored = _read_json(_folder(folder, name) / _SPACE)
    if stored is None:
        raise Unavailable(f"the library {folder} has lost spaces/{name}/{_SPACE}")
    adapter = stored.get("adapter")
    facts = {key: value for key, value in stored.items() if key not in _OWN_KEYS}
    return Space(
        stored["model"],
        stored["fingerprint"],
        stored["dim"],
        name,
        base=adapter["base"] if adapter else None,
        live=live,
        facts=facts,
    )


def spaces(folder: Path) -> Sequence[Space]:
    """Returns the library's spaces, models' own first, then by name; one of them is live.

    Raises:
        ConfigError: there is no library in the folder.
        Unavailable: a file is damaged.
    """
    live = require_head(folder)["space"]
    names = sorted(path.parent.name for path in (folder / "spaces").glob(f"*/{_SPACE}"))
    found = [read_space(folder, name, live=name == live) for name in names]
    return sorted(found, key=lambda space: space.base is not None)


def find_space(folder: Path, name: str) -> Space:
    """Returns the space of that name.

    Raises:
        ConfigError: there is no such space; the message names those there are.
    """
    known = spaces(folder)
    for space in known:
        if space.name == name:
            return space
    raise ConfigError(
        f"the library {folder} has no space {name!r}. It has: "
        f"{', '.join(space.name for space in known)}."
    )


def use_space(folder: Path, name: str) -> Space:
    """Makes the space live, in one step; to be called by the one writer, with all spaces aligned.

    Raises:
        ConfigError: there is no such space.
    """
    space = find_space(folder, name)
    _write_json(folder / HEAD, {**require_head(folder), "space": space.name})
    return read_space(folder, space.name, live=True)


def drop_space(folder: Path, name: str) -> None:
    """Deletes the space and its vectors.

    Raises:
        ConfigError: there is no such space, it is live, or another is taught on top of it.
    """
    target = _folder(folder, name)
    if name in _unfinished(folder):
        shutil.rmtree(target)
        return
    space = find_space(folder, name)
    if space.live:
        raise ConfigError(
            f"space {name} is live and cannot be dropped. Make another live first: "
            "atisbo models use OTHER"
        )
    if above := [one.name for one in spaces(folder) if one.base == name]:
        raise ConfigError(
            f"space {name} is the base of {', '.join(above)} and cannot be dropped. Drop those "
            "first."
        )
    (target / _SPACE).unlink()  # from here on it is no space, whatever happens
    shutil.rmtree(target)


def _unfinished(folder: Path) -> set[str]:
    """Returns the folders that a crash left of spaces, half made or half dropped."""
    known = spaces(folder)
    needed = {require_head(folder)["space"], *(space.base for space in known)}
    places = (folder / "spaces").iterdir()
    return {one.name for one in places if not (one / _SPACE).exists()} - needed


def add_space(folder: Path, base: Space, adapter: Adapter, facts: Mapping[str, Any]) -> Space:
    """Returns a new space beside its base, filled from the base's stored vectors; not live yet.

    Raises:
        Unavailable: the library cannot be written.
    """
    fingerprint = adapter.fingerprint(base.fingerprint)
    space = Space(
        base.model, fingerprint, base.dim, f"taught-{fingerprint[:8]}", base.name, facts=facts
    )
    target = _folder(folder, space.name)
    try:
        if not (target / _SPACE).exists():
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir(parents=True)
            write_atomically(target / _ADAPTER, adapter.to_bytes())
        for modality in Modality:
            taught = Taught(open_index("exact", target / modality, space.dim), adapter[modality])
            family = FamilyIndex(open_vectors(folder, base, modality, "exact"), [taught])
            family.align()
            family.save()
        _write_json(target / _SPACE, _stored(space, {"base": base.name, "file": _ADAPTER}))
    except OSError as error:
        raise unwritable(folder, error) from error
    return space


def open_vectors(folder: Path, space: Space, modality: Modality, kind: str) -> StoredIndex:
    """Returns the space's own index of that modality."""
    return open_index(kind, vectors_folder(folder, space, modality), space.dim)


def vectors_folder(folder: Path, space: Space, modality: Modality) -> Path:
    """Returns where the space's index of that modality lives."""
    return space_folder(folder, space) / modality


def space_folder(folder: Path, space: Space) -> Path:
    """Returns where all that belongs to the space lives."""
    return _folder(folder, space.name)


def open_family(folder: Path, base: Space, modality: Modality, kind: str) -> FamilyIndex:
    """Returns the index that writes into `base` and every space taught on it, already aligned."""
    taught = [
        Taught(
            open_vectors(folder, one, modality, kind),
            read_adapter(folder, one)[modality],
        )
        for one in spaces(folder)
        if one.base == base.name
    ]
    family = FamilyIndex(open_vectors(folder, base, modality, kind), taught)
    family.align()
    return family


def read_adapter(folder: Path, space: Space) -> Adapter:
    """Returns the adapter of a taught space.

    Raises:
        Unavailable: its file is missing, damaged, or not the one the space was made with.
    """
    path = _folder(folder, space.name) / _ADAPTER
    try:
        adapter = Adapter.from_bytes(path.read_bytes(), path)
    except FileNotFoundError as error:
        raise Unavailable(f"{path} is missing. Restore it, or drop the space.") from error
    base = read_space(folder, space.base or "")
    if adapter.fingerprint(base.fingerprint) != space.fingerprint:
        raise Unavailable(f"{path} is not the adapter that space {space.name} was made with.")
    return adapter


def _folder(folder: Path, name: str) -> Path:
    return folder / "spaces" / name


def _stored(space: Space, adapter: Mapping[str, str] | None) -> dict[str, Any]:
    own = {"model": space.model, "fingerprint": space.fingerprint, "dim": space.dim}
    return {**own, "adapter": adapter, **space.facts}


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise Unavailable(f"{path} is damaged: {error}") from error
    return content


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    write_atomically(path, json.dumps(content, indent=1).encode())
