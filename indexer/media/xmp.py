"""XMP: the words and facts in a packet of RDF, as Adobe's and all later programs write it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from types import MappingProxyType
from typing import NamedTuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from indexer.media.texts import decoded

MAX_BYTES = 2_000_000
"""Longer packets hold pictures and histories of edits; none of them is read."""

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_PREFIXES = {
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://ns.adobe.com/photoshop/1.0/": "photoshop",
    "http://ns.adobe.com/lightroom/1.0/": "lr",
    "http://ns.adobe.com/xap/1.0/": "xmp",
    "http://ns.adobe.com/exif/1.0/": "exif",
    "http://ns.adobe.com/tiff/1.0/": "tiff",
    "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/": "Iptc4xmpCore",
    "http://iptc.org/std/Iptc4xmpExt/2008-02-29/": "Iptc4xmpExt",
    "http://www.digikam.org/ns/1.0/": "digiKam",
    "http://ns.microsoft.com/photo/1.0": "MicrosoftPhoto",
    "http://ns.microsoft.com/photo/1.0/": "MicrosoftPhoto",
    "http://ns.microsoft.com/photo/1.2/": "MP",
    "http://ns.microsoft.com/photo/1.2/t/RegionInfo#": "MPRI",
    "http://ns.microsoft.com/photo/1.2/t/Region#": "MPReg",
    "http://www.metadataworkinggroup.com/schemas/regions/": "mwg-rs",
    "http://www.metadataworkinggroup.com/schemas/keywords/": "mwg-kw",
    "http://ns.acdsee.com/iptc/1.0/": "acdsee",
}
_LISTS = (f"{_RDF}Alt", f"{_RDF}Bag", f"{_RDF}Seq")
_REGIONS = ("mwg-rs:Regions", "MP:RegionInfo")
_DEFAULT = "x-default"
_MAX_VALUES = 500
_DOCTYPE = re.compile(r"<!(DOCTYPE|ENTITY)", re.IGNORECASE)


class Xmp(NamedTuple):
    """What a packet tells: its properties by name, such as "dc:title", as they stand there."""

    properties: Mapping[str, Sequence[str | Element]] = MappingProxyType({})

    def texts(self, name: str) -> Sequence[str]:
        """Returns the texts of a property or list of them, the default language first."""
        values = self.properties.get(name, ())
        found = chain.from_iterable(
            [value] if isinstance(value, str) else _texts(value) for value in values
        )
        return list(islice(found, _MAX_VALUES))

    def first(self, name: str) -> str:
        """Returns the first text of a property, empty where it is absent."""
        return next(iter(self.texts(name)), "")

    def people(self) -> Sequence[str]:
        """Returns the names of the people who are marked or listed as shown in the picture."""
        regions = chain.from_iterable(self.properties.get(name, ()) for name in _REGIONS)
        marked = chain.from_iterable(_people(one) for one in regions if isinstance(one, Element))
        return [*islice(marked, _MAX_VALUES), *self.texts("Iptc4xmpExt:PersonInImage")]


class NotXmp(ValueError):
    """The bytes are no XMP; the message says what is wrong, to follow "it"."""


def parsed(packet: bytes | str) -> Xmp:
    """Returns what the packet tells.

    Raises:
        NotXmp: it is too long, no XML, defines entities, or holds no RDF.
    """
    root = _root(packet)
    found = list(root.iter(f"{_RDF}RDF"))
    if not found:
        raise NotXmp("holds no RDF, the language of XMP")
    properties: dict[str, list[str | Element]] = {}
    for block in chain.from_iterable(found):
        for name, value in block.attrib.items():
            if known := _name(name):
                properties.setdefault(known, []).append(value)
        for child in block:
            if known := _name(child.tag):
                properties.setdefault(known, []).append(child)
    return Xmp(properties)


def _root(packet: bytes | str) -> Element:
    if len(packet) > MAX_BYTES:
        raise NotXmp(f"is longer than {MAX_BYTES:,} bytes")
    text = packet if isinstance(packet, str) else decoded(packet)
    start, end = text.find("<"), text.rfind(">") + 1
    if start < 0 or not end:
        raise NotXmp("holds no XML")
    text = text[start:end]
    if _DOCTYPE.search(text):
        # Entities may grow without end or name other files; XMP has no use for them.
        raise NotXmp("defines a document type or entities, which XMP does not")
    try:
        return ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as error:
        raise NotXmp(f"is broken XML ({error})") from error


def _name(tag: str) -> str | None:
    """Returns "dc:title" for the tag as ElementTree spells it; None outside the known spaces."""
    space, _, name = tag.removeprefix("{").rpartition("}")
    prefix = _PREFIXES.get(space)
    return f"{prefix}:{name}" if prefix else None


def _texts(element: Element) -> Iterator[str]:
    """Yields a property's texts, whether it is simple, a list, or the same in many languages."""
    lists = [child for child in element if child.tag in _LISTS]
    if not lists:
        yield _simple(element)
        return
    entries = [entry for one in lists for entry in one]
    yield from map(_simple, sorted(entries, key=lambda one: one.get(_LANG, _DEFAULT) != _DEFAULT))


def _simple(element: Element) -> str:
    if not len(element):
        return element.text or element.get(f"{_RDF}value") or ""
    value = element.find(f"{_RDF}value")
    if value is None:
        value = element.find(f"{_RDF}Description/{_RDF}value")
    return (element.text if value is None else value.text) or ""


def _people(regions: Element) -> Iterator[str]:
    """Yields the names of the faces that are marked in the picture."""
    for region in regions.iter():
        told = {_name(name): value for name, value in region.attrib.items()}
        told |= {_name(child.tag): child.text or "" for child in region}
        if told.get("mwg-rs:Type", "Face") in ("Face", "Pet"):
            yield told.get("mwg-rs:Name", "")
        yield told.get("MPReg:PersonDisplayName", "")
