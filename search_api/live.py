"""Which space is live: looked at before each query, so that a service follows a switch."""

import logging
from threading import Lock, Thread

from indexer.config import Settings
from indexer.embedders import open_embedder
from indexer.errors import AtisboError
from indexer.library import adapted, live_space, open_space
from indexer.spaces import HEAD, Space, read_space, space_folder
from indexer.types import Embedder
from search_api.judging import KeptCalibration
from search_api.view import View

log = logging.getLogger(__name__)

_State = tuple[int, int] | None


class LiveSpace:
    """Returns the library's new view once after each switch, else None; safe with threads.

    Another model is loaded aside while the one before goes on answering. A space that cannot be
    opened is logged, and the service goes on with the one it has.
    """

    def __init__(self, settings: Settings, space: Space, model: Embedder) -> None:
        """Starts from the space that is open, and the model below its adapter."""
        self._settings = settings
        self._model = model
        self._name = space.name
        self._lock = Lock()
        self._head = settings.library / HEAD
        self._seen = self._state()
        self._switches = 0
        self._loaded: View | None = None

    def __call__(self) -> View | None:
        state = self._state()
        if state == self._seen and self._loaded is None:
            return None
        with self._lock:
            if state != self._seen:
                self._seen = state
                self._switches += 1
                self._loaded = None
                self._follow(self._switches)
            loaded, self._loaded = self._loaded, None
            return loaded

    def _follow(self, switch: int) -> None:
        settings = self._settings
        try:
            space = live_space(settings.library)
            if space.name == self._name:
                return
            own = space if space.base is None else read_space(settings.library, space.base)
            if own.fingerprint == self._model.fingerprint:
                self._take(space, self._model)
                return
        except AtisboError as error:
            log.warning("The live space cannot be opened, the one before stays: %s", error)
            return
        log.info("Loading %s, to which the library has moved.", own.model)
        Thread(target=self._load, args=(space, own.model, switch), daemon=True).start()

    def _load(self, space: Space, name: str, switch: int) -> None:
        settings = self._settings
        try:
            model = open_embedder(name, device=settings.device, precision=settings.precision)
            model.embed_texts(["warm"])  # models work lazily: the first text takes long
            with self._lock:
                if switch == self._switches:
                    self._take(space, model)
        except AtisboError as error:
            log.warning("The live space cannot be opened, the one before stays: %s", error)

    def _take(self, space: Space, model: Embedder) -> None:
        settings = self._settings
        embedder = adapted(settings.library, space, model)
        self._loaded = View(
            open_space(settings.library, space, settings.index),
            embedder,
            KeptCalibration(space_folder(settings.library, space), space.fingerprint),
        )
        self._name, self._model = space.name, model

    def _state(self) -> _State:
        """Returns what changes whenever library.json is replaced."""
        try:
            stat = self._head.stat()
        except OSError:
            return None
        return stat.st_ino, stat.st_mtime_ns
