from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import pytest
from PIL import Image

from indexer.errors import BadQuery, MediaError, NotFound
from indexer.media.image import IMAGE_SUFFIXES
from search_api.pictures import CONTENT_TYPES, LARGE_SIDE, Pictures, PreviewCache
from tests.fakes import FakeThumbnails, caption, picture


class Codec:
    """Makes previews that say what they were made of, and counts them."""

    def __init__(self) -> None:
        self.made: list[int] = []

    def preview(self, path: Path, side: int) -> bytes:
        self.made.append(side)
        content = path.read_bytes()
        if content == b"damaged":
            raise MediaError("the file ends too early")
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
    return Pictures(FakeThumbnails({1: b"stored"}), preview=codec.preview, decode=codec.decode)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(b"A")
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    return folder


def test_original_has_its_own_name_and_our_content_type(pictures: Pictures, root: Path) -> None:
    original = pictures.original(picture(1, "a.jpg", root=root))
    assert (original.path, original.name) == (root / "a.jpg", "a.jpg")
    assert original.content_type == "image/jpeg"


def test_every_indexed_suffix_has_a_type_that_is_only_ever_a_picture() -> None:
    assert set(CONTENT_TYPES) >= IMAGE_SUFFIXES
    assert all(kind.startswith("image/") for kind in CONTENT_TYPES.values())
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
    assert pictures.original(picture(1, "b.jpg", root=link)).path == root / "a.jpg"


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
