from dataclasses import replace
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import pytest
from PIL import Image

from indexer.errors import BadQuery, MediaError, NotFound
from indexer.media.companions import FILM_SUFFIXES
from indexer.media.image import IMAGE_SUFFIXES
from indexer.types import Item, Place
from search_api.content_types import CONTENT_TYPES
from search_api.motion import FILM_ENDINGS, MOST_FILM_BYTES, Film
from search_api.pictures import LARGE_SIDE, Pictures
from search_api.preview_cache import PreviewCache
from search_api.storyboard import MOST_TILES, evenly, strip
from tests.fakes import FakeThumbnails, caption, film, moment, picture


class Codec:
    """Makes previews that say what they were made of, and counts them."""

    def __init__(self) -> None:
        self.made: list[int] = []

    def preview(self, path: Path, side: int, position: int) -> bytes:
        self.made.append(side)
        content = path.read_bytes()
        if content == b"damaged":
            raise MediaError("the file ends too early")
        page = b" page %d" % position if position else b""
        return b"%d%s:" % (side, page) + content

    def frame(self, path: Path, at_ms: int, side: int) -> bytes:
        self.made.append(side)
        return b"%d at %d:" % (side, at_ms) + path.read_bytes()

    def film(self, path: Path) -> Film | None:
        at = path.read_bytes().find(b"FILM")
        return None if at < 0 else Film(at, 4, "video/mp4")

    def member(self, shard: Path | str, name: str) -> bytes:
        if isinstance(shard, str):
            return f"{name} of {shard}".encode()
        if name == "gone.png":
            raise MediaError("it has no entry gone.png")
        return f"{name} of ".encode() + shard.read_bytes()

    def shrink(self, content: bytes, side: int) -> bytes:
        self.made.append(side)
        return b"%d:" % side + content

    def decode(self, stream: BinaryIO) -> Image.Image:
        if stream.read() == b"damaged":
            raise MediaError("the file ends too early")
        return Image.new("RGB", (1, 1))


@pytest.fixture
def codec() -> Codec:
    return Codec()


@pytest.fixture
def pictures(codec: Codec) -> Pictures:
    return Pictures(FakeThumbnails({1: b"stored"}), codec)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(b"A")
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    return folder


def test_original_has_its_own_name_and_our_content_type(pictures: Pictures, root: Path) -> None:
    original = pictures.original(picture(1, "a.jpg", root=root))
    assert (original.content, original.name) == (root / "a.jpg", "a.jpg")
    assert original.content_type == "image/jpeg"


def test_every_indexed_suffix_has_a_type_that_is_only_ever_a_picture_or_a_film() -> None:
    assert set(CONTENT_TYPES) >= IMAGE_SUFFIXES
    assert all(kind.startswith(("image/", "video/")) for kind in CONTENT_TYPES.values())
    assert "image/svg+xml" not in CONTENT_TYPES.values()


def test_file_of_an_unlisted_type_has_no_type_to_be_shown_with(
    pictures: Pictures, root: Path
) -> None:
    (root / "evil.html").write_bytes(b"<script>")
    assert pictures.original(picture(1, "evil.html", root=root)).content_type is None


@pytest.mark.parametrize(
    "path", ["../secret.jpg", "sub/../../secret.jpg", "out.jpg", "out/secret.jpg"]
)
def test_path_that_leads_out_of_the_root_is_not_shown(
    pictures: Pictures, root: Path, path: str
) -> None:
    (root / "sub").mkdir()
    (root / "out.jpg").symlink_to(root.parent / "secret.jpg")
    (root / "out").symlink_to(root.parent)
    with pytest.raises(NotFound, match="leads out of its indexed folder"):
        pictures.original(picture(1, path, root=root))


def test_absolute_path_is_not_shown(pictures: Pictures, root: Path) -> None:
    with pytest.raises(NotFound, match="leads out"):
        pictures.original(picture(1, str(root.parent / "secret.jpg"), root=root))


def test_folder_with_a_similar_name_is_outside(pictures: Pictures, root: Path) -> None:
    twin = root.parent / "photos-private"
    twin.mkdir()
    (twin / "b.jpg").write_bytes(b"B")
    with pytest.raises(NotFound, match="leads out"):
        pictures.original(picture(1, "../photos-private/b.jpg", root=root))


def test_link_inside_the_root_and_a_root_that_is_a_link_are_shown(
    pictures: Pictures, root: Path
) -> None:
    (root / "b.jpg").symlink_to(root / "a.jpg")
    link = root.parent / "link"
    link.symlink_to(root)
    assert pictures.original(picture(1, "b.jpg", root=link)).content == root / "a.jpg"


def test_gone_file_folder_and_loop_are_not_found(pictures: Pictures, root: Path) -> None:
    (root / "dir.jpg").mkdir()
    (root / "loop.jpg").symlink_to(root / "loop.jpg")
    for path in ["gone.jpg", "dir.jpg", "loop.jpg"]:
        with pytest.raises(NotFound, match="index its folder again"):
            pictures.original(picture(1, path, root=root))


def test_caption_has_no_media_and_no_preview(pictures: Pictures) -> None:
    for show in (pictures.original, pictures.small, pictures.large):
        with pytest.raises(NotFound, match="is a caption"):
            show(caption(1, "words"))


def test_moment_is_decoded_at_its_best_frame(pictures: Pictures, root: Path) -> None:
    (root / "a.mp4").write_bytes(b"F")
    one, other = (moment(id, "a.mp4", 0, 9_000, best, root=root) for id, best in ((5, 1), (6, 2)))
    assert pictures.large(one).data == b"2048 at 1:F"
    assert pictures.large(other).data == b"2048 at 2:F"
    assert pictures.large(one).tag != pictures.large(other).tag
    assert pictures.small(other).data == b"512 at 2:F"


def test_pages_of_one_file_have_their_own_previews(pictures: Pictures, root: Path) -> None:
    first, third = (replace(picture(5, "a.jpg", root=root), position=at) for at in (0, 2))
    assert pictures.large(third).data == b"2048 page 2:A"
    assert pictures.large(first).data == b"2048:A"


def test_picture_in_a_shard_is_its_entry(pictures: Pictures, root: Path) -> None:
    item = replace(picture(5, "a.jpg", root=root), member="b/1.png")
    original = pictures.original(item)
    assert (original.content, original.name) == (b"b/1.png of A", "1.png")
    assert original.content_type == "image/png"
    assert pictures.large(item).data == b"2048:b/1.png of A"
    (root / "a.jpg").write_bytes(b"changed")
    assert pictures.original(item).tag != original.tag


def test_picture_in_a_shard_of_a_store_is_its_entry(pictures: Pictures) -> None:
    item = replace(picture(5, "many.tar", root="s3://bucket"), member="b/1@512.png")
    original = pictures.original(item)
    assert original.content == b"b/1@512.png of s3://bucket/many.tar"
    assert (original.name, original.content_type) == ("1.png", "image/png")
    assert pictures.large(item).data == b"2048:b/1@512.png of s3://bucket/many.tar"
    assert pictures.original(replace(item, id=6)).tag != original.tag


def test_other_files_of_a_store_are_not_shown(pictures: Pictures) -> None:
    for show in (pictures.original, pictures.large):
        with pytest.raises(NotFound):
            show(picture(5, "a.jpg", root="s3://bucket"))


def test_entry_that_is_gone_is_not_found(pictures: Pictures, root: Path) -> None:
    item = replace(picture(5, "a.jpg", root=root), member="gone.png")
    for show in (pictures.original, pictures.small, pictures.large):
        with pytest.raises(NotFound, match=r"a\.jpg cannot be shown: it has no entry"):
            show(item)


def test_film_of_a_live_photo_is_its_companion(pictures: Pictures, root: Path) -> None:
    item, beside = picture(1, "a.jpg", root=root), [Place(str(root), "a.dng")]
    assert not pictures.moves(item, beside)
    (root / "a.MOV").write_bytes(b"moving")
    beside.append(Place(str(root), "a.MOV"))
    assert pictures.moves(item, beside)
    found = pictures.motion(item, beside)
    assert (found.content, found.name) == (root / "a.MOV", "a.MOV")
    assert found.content_type == "video/quicktime"


@pytest.mark.parametrize("suffix", sorted(FILM_SUFFIXES))
def test_every_film_that_may_be_a_companion_is_sent_as_one(
    pictures: Pictures, root: Path, suffix: str
) -> None:
    (root / f"a{suffix}").write_bytes(b"moving")
    found = pictures.motion(picture(1, "a.jpg", root=root), [Place(str(root), f"a{suffix}")])
    assert found.content_type in FILM_ENDINGS


def test_film_of_a_motion_photo_is_a_part_of_its_file(pictures: Pictures, root: Path) -> None:
    item = picture(1, "a.jpg", root=root)
    (root / "a.jpg").write_bytes(b"still FILM and more")
    assert pictures.moves(item, ())
    found = pictures.motion(item, ())
    assert (found.content, found.name, found.content_type) == (b"FILM", "a.jpg.mp4", "video/mp4")
    (root / "a.jpg").write_bytes(b"another still FILM")
    assert pictures.motion(item, ()).tag != found.tag


def test_film_beside_a_picture_goes_before_the_one_inside(pictures: Pictures, root: Path) -> None:
    for name in ("a.jpg", "a.mp4"):
        (root / name).write_bytes(b"FILM")
    found = pictures.motion(picture(1, "a.jpg", root=root), [Place(str(root), "a.mp4")])
    assert found.content == root / "a.mp4"


@pytest.mark.parametrize("path", ["../secret.mov", "out.mov", "out/secret.mov"])
def test_companion_that_leads_out_of_its_root_is_not_sent(
    pictures: Pictures, root: Path, path: str
) -> None:
    (root.parent / "secret.mov").write_bytes(b"secret")
    (root / "out.mov").symlink_to(root.parent / "secret.mov")
    (root / "out").symlink_to(root.parent)
    with pytest.raises(NotFound, match="leads out of its indexed folder"):
        pictures.motion(picture(1, "a.jpg", root=root), [Place(str(root), path)])


def test_companion_that_is_gone_is_not_found(pictures: Pictures, root: Path) -> None:
    with pytest.raises(NotFound, match=r"a\.mov is gone from disk"):
        pictures.motion(picture(1, "a.jpg", root=root), [Place(str(root), "a.mov")])


def test_picture_that_leads_out_or_is_gone_moves_no_more(pictures: Pictures, root: Path) -> None:
    (root.parent / "secret.jpg").write_bytes(b"FILM")
    (root / "out.jpg").symlink_to(root.parent / "secret.jpg")
    for path, reason in [("out.jpg", "leads out"), ("gone.jpg", "is gone from disk")]:
        item = picture(1, path, root=root)
        assert not pictures.moves(item, ())
        with pytest.raises(NotFound, match=reason):
            pictures.motion(item, ())


def test_only_the_picture_of_a_whole_file_moves(pictures: Pictures, root: Path) -> None:
    (root / "a.jpg").write_bytes(b"FILM")
    still = picture(1, "a.jpg", root=root)
    others: list[Item] = [
        replace(still, position=1),
        replace(still, member="b/1.png"),
        replace(still, root="s3://bucket", member="b/1.png"),
        moment(1, "a.jpg", 0, 9, 5, root=root),
        film(1, "a.jpg", root=root),
        caption(1, "words"),
    ]
    assert pictures.moves(still, ())
    for item in others:
        assert not pictures.moves(item, [Place(str(root), "a.mov")])
        with pytest.raises(NotFound):
            pictures.motion(item, [Place(str(root), "a.mov")])
    (root / "a.jpg").write_bytes(b"still")
    with pytest.raises(NotFound, match=r"a\.jpg has no moving part"):
        pictures.motion(still, [Place(str(root), "a.dng")])


def test_film_too_long_to_be_held_is_not_sent(
    pictures: Pictures, codec: Codec, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vast = Film(1, MOST_FILM_BYTES + 1, "video/mp4")
    monkeypatch.setattr(codec, "film", lambda _: vast)
    item = picture(1, "a.jpg", root=root)
    assert not pictures.moves(item, ())
    with pytest.raises(NotFound, match="has no moving part"):
        pictures.motion(item, ())


def webp(colour: str, size: tuple[int, int] = (100, 50)) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", size, colour).save(buffer, "WEBP")
    return buffer.getvalue()


def test_storyboard_goes_on_where_a_preview_is_lost(codec: Codec, root: Path) -> None:
    pictures = Pictures(FakeThumbnails({1: webp("red"), 3: webp("blue")}), codec)
    moments = [moment(id, "gone.mp4", id, id + 1, id, root=root) for id in (1, 2, 3)]
    strip = pictures.storyboard(moments)
    with Image.open(BytesIO(strip.data)) as image:
        assert image.size == (3 * 320, 160)
        left, middle, right = (image.getpixel((320 * tile + 160, 80)) for tile in range(3))
    assert (left[0] > 200, right[2] > 200) == (True, True)
    assert max(middle) - min(middle) < 10
    assert pictures.storyboard(moments) == strip
    assert pictures.storyboard(moments[:2]).tag != strip.tag


def test_longest_storyboard_of_wide_films_can_be_encoded() -> None:
    with Image.open(BytesIO(strip([webp("red", (500, 100))] * MOST_TILES))) as image:
        assert image.size == (16_000, 160)


@pytest.mark.parametrize(("count", "most"), [(0, 4), (3, 4), (4, 4), (9, 4), (1000, 50)])
def test_tiles_stand_evenly_over_the_film(count: int, most: int) -> None:
    chosen = evenly(range(count), most)
    assert len(chosen) == min(count, most)
    gaps = {b - a for a, b in pairwise(chosen)}
    assert not gaps or max(gaps) - min(gaps) <= 1


def test_stored_preview_is_used_even_when_the_original_is_gone(
    pictures: Pictures, codec: Codec, root: Path
) -> None:
    assert pictures.small(picture(1, "gone.jpg", root=root)).data == b"stored"
    assert codec.made == []


def test_lost_preview_is_made_again(pictures: Pictures, root: Path) -> None:
    assert pictures.small(picture(2, "a.jpg", root=root)).data == b"512:A"


def test_large_preview_is_made_once_and_again_when_the_file_changes(
    pictures: Pictures, codec: Codec, root: Path
) -> None:
    item = picture(1, "a.jpg", root=root)
    first, again = pictures.large(item), pictures.large(item)
    assert first == again
    assert codec.made == [LARGE_SIDE]
    (root / "a.jpg").write_bytes(b"changed")
    changed = pictures.large(item)
    assert changed.data == b"2048:changed"
    assert changed.tag != first.tag


def test_original_that_cannot_be_decoded_any_more_is_not_found(
    pictures: Pictures, root: Path
) -> None:
    (root / "a.jpg").write_bytes(b"damaged")
    with pytest.raises(NotFound, match=r"a\.jpg cannot be shown: the file ends too early"):
        pictures.large(picture(1, "a.jpg", root=root))


def test_damaged_upload_is_a_bad_query(pictures: Pictures) -> None:
    assert pictures.upload(BytesIO(b"fine")).size == (1, 1)
    with pytest.raises(BadQuery, match="ends too early"):
        pictures.upload(BytesIO(b"damaged"))


def test_kept_previews_stay_within_their_bytes() -> None:
    cache = PreviewCache(10)
    cache.put("a", b"1234")
    cache.put("b", b"1234")
    assert cache.get("a") == b"1234"
    cache.put("c", b"1234")
    assert [cache.get(tag) for tag in "abc"] == [b"1234", None, b"1234"]
    cache.put("a", b"12345678901234567890")
    assert [cache.get(tag) is None for tag in "abc"] == [False, True, True]
