"""Models that turn pictures and words into vectors of one space; one door, `open_embedder`."""

from pathlib import Path

from indexer.errors import ConfigError
from indexer.types import Embedder

DEFAULT_MODEL = "pocket"
_STRONGER = "atisbo index --model open_clip:ViT-B-32/laion2b_s34b_b79k"


def hint(model: str) -> str | None:
    """Returns one line on how to get a stronger model than this one; None where it is strong."""
    match model:
        case "pocket":
            return f"pocket is small and needs no network. A stronger model: {_STRONGER}"
        case "colour":
            return f"The colour model knows colours only. To search by meaning: {_STRONGER}"
        case _:
            return None


def open_embedder(name: str, *, device: str = "auto", precision: str = "auto") -> Embedder:
    """Returns the named model, its weights loaded and ready.

    Args:
        name: `pocket`, `pocket:FOLDER` of a model that `atisbo train` made, `colour`,
            `open_clip:MODEL/PRETRAINED`, `open_clip:MODEL[/PRETRAINED]@CHECKPOINT`,
            `open_clip:local-dir:FOLDER` or `open_clip:hf-hub:ORG/NAME`.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        precision: `auto`, `fp32`, `bf16` or `fp16`. `auto` takes the half precision of the device
            where a self-test shows that the vectors stay the same.

    Raises:
        ConfigError: the name or the device is unknown, or the weights cannot be had.
    """
    family, _, rest = name.partition(":")
    match family:
        case "pocket":
            from indexer.embedders.pocket import PocketEmbedder

            return PocketEmbedder(device=device, folder=Path(rest) if rest else None)
        case "colour" if not rest:
            from indexer.embedders.colour import ColourEmbedder

            return ColourEmbedder()
        case "open_clip" if rest:
            from indexer.embedders.open_clip import OpenClipEmbedder

            return OpenClipEmbedder(rest, device=device, precision=precision)
        case _:
            raise ConfigError(
                f"model {name!r} is unknown. Use pocket, the built-in model; "
                "open_clip:MODEL/PRETRAINED (for example open_clip:ViT-B-32/laion2b_s34b_b79k), "
                "open_clip:MODEL@/path/to/checkpoint, open_clip:local-dir:/path/to/folder, "
                "or colour, the demo model."
            )
