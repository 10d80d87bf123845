"""How many statements a search over HTTP asks the database: one for each kind of look-up."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event

from indexer.catalog import open_catalog
from indexer.catalog.sql import SqlCatalog
from indexer.types import Facts, Modality
from search_api.app import create_app
from search_api.pictures import Pictures
from search_api.searcher import Searcher
from tests.contract.test_filters import caption, film, picture
from tests.fakes import FakeEmbedder, FakeIndex, FakeThumbnails, unit
from tests.integration.test_http import decode, preview


@dataclass(frozen=True, slots=True)
class Service:
    """A service over a real catalogue, and the statements that it made."""

    client: FlaskClient
    catalog: SqlCatalog
    statements: list[str]

    def asked(self, url: str) -> int:
        """Returns how many statements the answer took."""
        self.statements.clear()
        answer = self.client.get(url)
        assert answer.status_code == 200, answer.json
        assert answer.json is not None
        assert answer.json["hits"]
        return len(self.statements)


@pytest.fixture
def service(database: str) -> Iterator[Service]:
    catalog = open_catalog(database)
    for number in range(12):
        picture(catalog, f"dogs/{number}.jpg", facts=Facts(width=20, height=10, camera="Nikon"))
        caption(catalog, f"{number}.txt", f"a red dog {number}", f"dogs/{number}.jpg")
    film(catalog, "dog.mp4", ("a red dog barks", 0, 4_000), facts=Facts(duration_ms=20_000))
    indexes = {modality: filled(catalog, modality) for modality in Modality}
    embedder = FakeEmbedder({"dog": (1, 0, 0), "red": (0, 1, 0), "new": (0, 1, 1)})
    searcher = Searcher(catalog, indexes, embedder)
    pictures = Pictures(FakeThumbnails(), Codec())
    statements: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        if statement.startswith(("SELECT", "WITH")):
            statements.append(statement)

    event.listen(catalog._engine, "before_cursor_execute", note)
    yield Service(create_app(searcher, pictures).test_client(), catalog, statements)
    catalog.close()


class Codec:
    """Opens nothing: no picture is asked for here."""

    decode = staticmethod(decode)
    preview: Callable[[Path, int], bytes] = staticmethod(preview)


def filled(catalog: SqlCatalog, modality: Modality) -> FakeIndex:
    ids: Sequence[int] = catalog.matching((), modality).tolist()
    return FakeIndex(ids, unit(*((1, 0.01 * id, 0.3) for id in ids)))


@pytest.mark.parametrize(
    ("url", "first", "again"),
    [
        # the state of the catalogue; items, their films and the places of copies; favourites
        ("q=dog&words=false", 5, 2),
        # what captions say, how many have the word, moments of what is said; the same of names of
        # entries and paths, in one; and captions by their meaning
        ("q=dog", 11, 2),
        ("q=dog camera:nikon", 11, 1),
        # the same for three indexes, what captions describe, and how long films are
        ("q=dog&target=all", 17, 3),
        # the films again, for the groups, and the moments of the one that was found
        ("q=dog&collapse=true", 13, 4),
        # the item that is named, once to look there and once to leave it out
        ("like=1", 7, 4),
    ],
)
def test_a_search_asks_once_for_each_kind_of_thing_and_keeps_what_it_can(
    service: Service, url: str, first: int, again: int
) -> None:
    assert service.asked(f"/api/v1/search?k=20&{url}") <= first, "\n\n".join(service.statements)
    assert service.asked(f"/api/v1/search?k=20&{url}") <= again, "\n\n".join(service.statements)


def test_what_is_kept_is_asked_for_again_once_the_catalogue_has_changed(service: Service) -> None:
    url = "/api/v1/search?q=dog camera:nikon"
    service.asked(url)
    again = service.asked(url)
    service.catalog.tag([1], add=["seen"])
    assert service.asked(url) > again
    assert service.asked(url) == again
