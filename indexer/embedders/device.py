"""The device a model runs on."""

import torch

from indexer.errors import ConfigError


def open_device(wanted: str) -> torch.device:
    """Returns the device of that name; `auto` takes a GPU where there is one.

    Raises:
        ConfigError: the device is unknown, or not on this machine.
    """
    if wanted == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(wanted)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(
            f"device {wanted!r} cannot be used here ({str(error).splitlines()[0]}). "
            "Use --device auto, or cpu."
        ) from error
    return device
