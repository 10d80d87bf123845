"""What a camera is called, from the names of its maker and its model."""

from indexer.media.texts import clean

_MAX_NAME = 100

# Parts of makers' names that no one calls a camera by.
_COMPANY = frozenset(
    "ag cameras camera co coltd company computer corp corporation electric electronics gmbh "
    "imaging inc industries international kg limited ltd mobile optical photo technologies "
    "technology techwin the".split()
)
_MEANINGLESS = frozenset({"", "unknown", "default", "none", "null", "n/a", "-", "digital camera"})


def camera(maker: str, model: str) -> str | None:
    """Returns maker and model, each once: "Canon EOS 80D"; None where neither is told."""
    maker, model = _told(maker), _told(model)
    words = maker.replace(",", " ").split()
    short = [word for word in words if word.strip(".").replace(".", "").lower() not in _COMPANY]
    maker = " ".join(short or words)
    first = model.replace("-", " ").replace("_", " ").partition(" ")[0].lower()
    if first in {word.lower() for word in words}:
        maker = ""  # "NIKON CORPORATION" makes the "NIKON D70"
    return " ".join(filter(None, (maker, model)))[:_MAX_NAME] or None


def _told(name: str) -> str:
    name = clean(name.partition("\0")[0])
    return "" if name.lower() in _MEANINGLESS else name
