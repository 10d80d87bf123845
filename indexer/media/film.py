"""A film that is open: its pictures by key frame without decoding the rest, or one after another.

Times are in milliseconds from the film's start and never go back.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image

from indexer.errors import MediaError
from indexer.media.colours import by_number
from indexer.media.damage import Size, too_large
from indexer.media.rgb import to_srgb
from indexer.media.signature import HEAD_BYTES, described

_IO_TIMEOUT_S = 20.0
_SEEK_BACK_MS = (0, 2_000, 20_000)
_KEYS_APART_MS = 100  # where every frame is a key frame, more of them tell nothing new
_TURNED = {
    90: Image.Transpose.ROTATE_90,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_270,
}
_UNTOLD = 2  # H.273, table 4
_HD_LINES = 720  # from here on colours that name no matrix are those of BT.709
_MAX_ASPECT = 8.0

av.logging.set_level(None)  # FFmpeg's remarks on damaged files are no news to anybody

Small = NDArray[np.uint8]
"""uint8 (side, side, 3), a frame squeezed into a square."""


@dataclass(slots=True)
class Stretch:
    """What lies between a key frame and the next one: `end_ms` is that of the next.

    `frame` is the key frame, None where it cannot be decoded. `packets` are the times of the other
    ones and their sizes in bytes, `key_size` is that of the key frame.
    """

    start_ms: int
    frame: VideoFrame | None = None
    end_ms: int = 0
    key_size: int = 0
    packets: list[tuple[int, int]] = field(default_factory=list)

    @property
    def sizes(self) -> list[int]:
        return [size for _, size in self.packets]


class Film:
    """A film that was opened for reading; to be used by one thread, and as a context.

    Attributes:
        size: Of the upright picture as it is to be shown, in pixels.
        duration_ms: As its header says; None where that says nothing.
        codec: The name of how its pictures are coded.
        tags: Its container's words.
        damage: What the first damage was, None where there was none so far.
    """

    def __init__(self, path: Path, *, max_pixels: int) -> None:
        """Opens the film.

        Raises:
            MediaError: it cannot be opened, is no film, or has no pictures or too many pixels.
        """
        self._path = path
        self._container, self._stream = _opened(path)
        codec = self._stream.codec_context
        self.codec = codec.name
        if codec.width * codec.height > max_pixels:
            self._container.close()
            raise MediaError(too_large(f"{codec.width} x {codec.height} pixels", max_pixels))
        self._start_s = (self._container.start_time or 0) / 1_000_000
        told = self._container.duration
        self.duration_ms = None if told is None or told <= 0 else round(told / 1000)
        self.tags = dict(self._container.metadata)
        self.damage: str | None = None
        self.size: Size = _shown_size(self._stream, (codec.width, codec.height), 0)
        self._decoder: tuple[InputContainer, VideoStream] | None = None
        self._squeezer, self._scaler = VideoReformatter(), VideoReformatter()  # each keeps one way
        rate = self._stream.average_rate
        self._frame_ms = 1000 / float(rate) if rate else 40.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._container.close()
        if self._decoder is not None:
            self._decoder[0].close()

    def stretches(self) -> Iterator[Stretch]:
        """Yields the film by its key frames, decoding no other ones; ends at what is damaged."""
        codec = self._stream.codec_context
        codec.skip_frame = "NONKEY"
        waiting: list[Stretch] = []
        decoded: dict[int, VideoFrame] = {}
        last_ms = 0
        for packet in self._packets():
            if packet.size == 0:
                continue
            last_ms = max(last_ms, self._ms(packet.pts if packet.pts is not None else packet.dts))
            if not packet.is_keyframe:
                if waiting:
                    waiting[-1].packets.append((last_ms, packet.size))
                continue
            if waiting and last_ms - waiting[-1].start_ms < _KEYS_APART_MS:
                continue
            if waiting:
                waiting[-1].end_ms = last_ms
            waiting.append(Stretch(last_ms, key_size=packet.size))
            self._decode(packet, decoded)
            while len(waiting) > 1 and self._is_settled(waiting[0], decoded):
                yield self._with_frame(waiting.pop(0), decoded)
        self._decode(None, decoded)
        for one in waiting:
            one.end_ms = one.end_ms or round(last_ms + self._frame_ms)
            yield self._with_frame(one, decoded)

    def frames(
        self, start_ms: int, end_ms: int, *, every: bool
    ) -> Iterator[tuple[int, VideoFrame]]:
        """Yields the frames from the key frame at or before a time up to another, with their times.

        `every` is false where frames that no other one refers to may be missing.
        """
        if self._decoder is None:
            self._decoder = _opened(self._path)
            self._decoder[1].thread_type = "AUTO"
            with self._damage_noted():
                self._begin(*self._decoder)
        container, stream = self._decoder
        stream.codec_context.skip_frame = "DEFAULT" if every else "NONREF"
        last_ms = -1
        with self._damage_noted():
            for earlier_ms in _SEEK_BACK_MS:
                self._seek(container, stream, start_ms - earlier_ms)
                for frame in container.decode(stream):
                    ms = self._ms(frame.pts if frame.pts is not None else frame.dts)
                    if last_ms < 0 and ms > start_ms and earlier_ms < start_ms:
                        break  # transport streams have no table of key frames and land late
                    last_ms = max(last_ms, ms)
                    if last_ms >= end_ms:
                        return
                    yield last_ms, frame
                if last_ms >= 0:
                    return

    def frame_ms(self) -> float:
        """Returns how long a frame lasts on average."""
        return self._frame_ms

    def small(self, frame: VideoFrame, side: int) -> Small:
        """Returns the frame squeezed into a square of `side` pixels."""
        return np.asarray(self._image(frame, (side, side), self._squeezer))

    def picture(self, frame: VideoFrame, min_side: int) -> Image.Image:
        """Returns the frame upright, RGB, its shorter side `min_side` if it was larger."""
        stored = (frame.width, frame.height)
        width, height = self.size = _shown_size(self._stream, stored, frame.rotation)
        scale = min(1.0, min_side / min(width, height))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        stored_size = size[::-1] if frame.rotation % 180 else size
        image = self._image(frame, stored_size, self._scaler)
        rgb = to_srgb(image, by_number(frame.color_primaries, frame.color_trc))
        way = _TURNED.get(frame.rotation % 360)
        return rgb if way is None else rgb.transpose(way)

    def _image(self, frame: VideoFrame, size: Size, by: VideoReformatter) -> Image.Image:
        """Returns the frame as it is stored, RGB, transparent parts white."""
        untold = frame.colorspace == _UNTOLD and frame.height >= _HD_LINES
        clear = _has_alpha(frame)
        pixels = by.reformat(
            frame,
            *size,
            format="rgba" if clear else "rgb24",
            src_colorspace=Colorspace.ITU709 if untold else None,
            interpolation=Interpolation.AREA,
        ).to_ndarray()
        image = Image.fromarray(pixels)
        return to_srgb(image, None) if clear else image

    def _packets(self) -> "Iterator[av.Packet[VideoStream]]":
        with self._damage_noted():
            yield from self._container.demux(self._stream)

    def _decode(self, packet: "av.Packet[VideoStream] | None", into: dict[int, VideoFrame]) -> None:
        with self._damage_noted():
            for frame in self._stream.codec_context.decode(packet):
                into[self._ms(frame.pts if frame.pts is not None else frame.dts)] = frame

    def _is_settled(self, stretch: Stretch, decoded: dict[int, VideoFrame]) -> bool:
        """Whether its key frame is decoded, or never will be: a later one came out."""
        return any(ms >= stretch.start_ms for ms in decoded)

    def _with_frame(self, stretch: Stretch, decoded: dict[int, VideoFrame]) -> Stretch:
        for ms in sorted(decoded):
            if ms < stretch.end_ms:
                frame = decoded.pop(ms)
                if ms >= stretch.start_ms and stretch.frame is None:
                    stretch.frame = frame
        return stretch

    def _begin(self, container: InputContainer, stream: VideoStream) -> None:
        """Shows the decoder the first packet where only that tells how to read all others.

        That is so in 4:4:4: x264 coded it wrongly for years, FFmpeg decodes it likewise, and the
        encoder's name stands in the first packet alone.
        """
        codec = stream.codec_context
        if codec.name == "h264" and "444" in (codec.pix_fmt or ""):
            for packet in container.demux(stream):
                codec.decode(packet)
                return

    def _seek(self, container: InputContainer, stream: VideoStream, ms: int) -> None:
        base = stream.time_base
        if base is None:
            return
        container.seek(math.floor((max(0, ms) / 1000 + self._start_s) / base), stream=stream)

    def _ms(self, stamp: int | None) -> int:
        base = self._stream.time_base
        if stamp is None or base is None:
            return 0
        return max(0, round((float(stamp * base) - self._start_s) * 1000))

    @contextmanager
    def _damage_noted(self) -> Iterator[None]:
        try:
            yield
        except (FFmpegError, EOFError, ValueError, OSError) as error:
            self.damage = self.damage or in_words(error)


def _opened(path: Path) -> tuple[InputContainer, VideoStream]:
    try:
        container = av.open(str(path), timeout=(_IO_TIMEOUT_S, _IO_TIMEOUT_S))
    except FileNotFoundError as error:
        raise MediaError("the file is gone") from error
    except PermissionError as error:
        raise MediaError("no permission to read the file") from error
    except (FFmpegError, EOFError, OSError, ValueError) as error:
        raise _not_a_film(path, error) from error
    pictures = [
        stream
        for stream in container.streams.video
        if not stream.disposition & Disposition.attached_pic
    ]
    known = [stream for stream in pictures if stream.codec_context is not None]
    if not known:
        sound = bool(container.streams.audio)
        container.close()
        if pictures:
            raise MediaError("its pictures are coded in a way that FFmpeg does not know")
        raise MediaError("no pictures in it: sound only" if sound else "no pictures in it")
    stream = max(known, key=lambda one: one.codec_context.width * one.codec_context.height)
    return container, stream


def _not_a_film(path: Path, error: Exception) -> MediaError:
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as refused:
        return MediaError(f"the file cannot be read: {refused.strerror}")
    if not head:
        return MediaError("the file is empty")
    found = described(head)
    if found is not None and "video" in found:
        return MediaError(f"damaged: begins like {found}, but cannot be opened ({in_words(error)})")
    if found is not None:
        return MediaError(f"not a film that atisbo reads: the file is {found}")
    return MediaError(f"not a film, or damaged from its first bytes on ({in_words(error)})")


def in_words(error: Exception) -> str:
    """Returns what FFmpeg found wrong, without its error number and the file's name."""
    said = getattr(error, "strerror", None) or str(error)
    return said.strip().rstrip(".") or type(error).__name__


def _shown_size(stream: VideoStream, size: Size, rotation: int) -> Size:
    """Returns the size of the upright picture, its pixels square: the longer way, never shorter."""
    width, height = size
    aspect = float(stream.sample_aspect_ratio or 1) or 1.0
    if 1 < aspect <= _MAX_ASPECT:
        width = round(width * aspect)
    elif 1 / _MAX_ASPECT <= aspect < 1:
        height = round(height / aspect)
    return (height, width) if rotation % 180 else (width, height)


def _has_alpha(frame: VideoFrame) -> bool:
    name = frame.format.name
    return name.startswith(("yuva", "rgba", "bgra", "argb", "abgr", "gbrap", "ya8", "ya16"))
