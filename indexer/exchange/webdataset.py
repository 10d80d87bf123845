"""Pictures and their captions as WebDataset: tar shards that training programs stream.

    00000.tar    ID.jpg (the original, under its own suffix), ID.txt (captions, one a line), ID.json

and back: a folder of pictures with captions beside them, to be indexed.
"""

import json
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any

from indexer.errors import ConfigError, Unavailable, writable
from indexer.exchange.chosen import Chosen, Held, Whole
from indexer.types import Kind, Modality

_SAMPLES_A_SHARD = 1000
_UNPACKED = frozenset({".txt"})


def write(out: Path, catalog: Whole, chosen: Chosen) -> tuple[int, Sequence[tuple[Path, str]]]:
    """Writes the chosen pictures into the new folder `out`, which appears when it is whole.

    Returns how many there are, and those whose files could not be read, with the reason.

    Raises:
        ConfigError: `out` exists.
        Unavailable: it cannot be written.
    """
    if out.exists():
        raise ConfigError(f"{out} exists already. Name a new folder.")
    partial = out.with_name(f".{out.name}.partial")
    lost: list[tuple[Path, str]] = []
    written = 0
    with writable(out):
        partial.mkdir(parents=True, exist_ok=True)
        shard: tarfile.TarFile | None = None
        for content, held, captions in _samples(catalog, chosen, lost):
            if written % _SAMPLES_A_SHARD == 0:
                if shard is not None:
                    shard.close()
                name = f"{written // _SAMPLES_A_SHARD:05d}.tar"
                shard = tarfile.open(partial / name, "w")  # noqa: SIM115 - outlives this round
            assert shard is not None
            _add(shard, held, content, captions)
            written += 1
        if shard is not None:
            shard.close()
        partial.rename(out)
    return written, lost


def _samples(
    catalog: Whole, chosen: Chosen, lost: list[tuple[Path, str]]
) -> Iterator[tuple[bytes, Held, Sequence[str]]]:
    for block in chosen.blocks(catalog, Modality.IMAGE):
        captions = catalog.captions([one.item.id for one in block])
        for one in block:
            if one.item.kind is not Kind.IMAGE or one.item.position:
                continue  # a moment of a film, a page, an entry of a shard: no file of its own
            try:
                content = one.file.location.read_bytes()
            except OSError as error:
                lost.append((one.file.location, error.strerror or str(error)))
                continue
            texts = [caption.text or "" for caption in captions.get(one.item.id, ())]
            yield content, one, [" ".join(text.split()) for text in texts]


def _add(shard: tarfile.TarFile, held: Held, content: bytes, captions: Sequence[str]) -> None:
    item, key = held.item, f"{held.item.id:012d}"
    facts = {"id": item.id, "path": item.path, "root": item.root}
    facts |= {"width": item.width, "height": item.height, "digest": held.file.digest}
    parts = {PurePosixPath(item.path).suffix.lower(): content, ".json": json.dumps(facts).encode()}
    if captions:
        parts[".txt"] = "\n".join([*captions, ""]).encode()
    for suffix, part in parts.items():
        entry = tarfile.TarInfo(key + suffix)
        entry.size = len(part)
        entry.mtime = held.file.mtime_ns // 1_000_000_000
        shard.addfile(entry, BytesIO(part))


def unpack(source: Path, into: Path, suffixes: frozenset[str]) -> tuple[int, Sequence[str]]:
    """Writes the pictures and captions of tar shards into the folder `into`.

    A file that is there with other content stays as it is; so does everything outside the folder,
    whatever names the shards hold.

    Args:
        source: A tar file, or a folder of them.
        into: Where the files go; made where it is missing.
        suffixes: Those of pictures, lower case, with the dot.

    Returns:
        How many files were written, and the names that were refused.

    Raises:
        ConfigError: there is no shard.
        Unavailable: a shard is damaged, or the folder cannot be written.
    """
    shards = sorted(source.glob("*.tar")) if source.is_dir() else [source]
    if not shards:
        raise ConfigError(f"{source} holds no .tar file. Name a shard or a folder of them.")
    written, refused = 0, list[str]()
    into.mkdir(parents=True, exist_ok=True)
    for shard in shards:
        try:
            with tarfile.open(shard) as archive:
                for entry in archive:
                    target = _target(entry, into, suffixes)
                    if target is None:
                        continue
                    content = archive.extractfile(entry)
                    if content is None or not _write(target, into, content):
                        refused.append(entry.name)
                    else:
                        written += 1
        except (tarfile.TarError, EOFError) as error:
            raise Unavailable(f"{shard} is damaged: {error}. What came before is kept.") from error
    return written, refused


def _target(entry: tarfile.TarInfo, into: Path, suffixes: frozenset[str]) -> Path | None:
    """Returns where the entry goes, None for what is neither picture nor caption."""
    name = PurePosixPath(entry.name)
    if not entry.isfile() or name.suffix.lower() not in suffixes | _UNPACKED:
        return None
    return into / name


def _write(target: Path, into: Path, content: Any) -> bool:
    """Writes a new file inside the folder; False where that is refused."""
    if ".." in target.parts or not target.resolve().is_relative_to(into.resolve()):
        return False
    data = content.read()
    with suppress(OSError):
        if target.exists():
            return bool(target.read_bytes() == data)
    with writable(into):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return True
