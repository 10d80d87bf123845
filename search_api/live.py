"""Which space is live: looked at before each query, so that a service follows a switch."""

import logging
from threading import Lock

from indexer.config import Settings
from indexer.embedders import open_embedder
from indexer.errors import AtisboError
from indexer.library import adapted, live_space, open_space
from indexer.spaces import HEAD, Space
from indexer.types import Embedder
from search_api.searcher import View

log = logging.getLogger(__name__)

_State = tuple[int, int] | None


class LiveSpace:
    """Returns the library's new view once after each switch, else None; safe with threads.

    A space that cannot be opened is logged, and the service goes on with the one it has.
    """

    def __init__(self, settings: Settings, space: Space, model: Embedder) -> None:
        """Starts from the space that is open, and the model below its adapter."""
        self._settings = settings
        self._model = model
        self._name = space.name
        self._lock = Lock()
        self._head = settings.library / HEAD
        self._seen = self._state()

    def __call__(self) -> View | None:
        state = self._state()
        if state == self._seen:
            return None
        with self._lock:
            if state == self._seen:
                return None
            self._seen = state
            try:
                return self._switched()
            except AtisboError as error:
                log.warning("The live space cannot be opened, the one before stays: %s", error)
                return None

    def _switched(self) -> View | None:
        settings = self._settings
        space = live_space(settings.library)
        if space.name == self._name:
            return None
        if space.model != self._model.name:
            self._model = open_embedder(
                space.model, device=settings.device, precision=settings.precision
            )
        embedder = adapted(settings.library, space, self._model)
        view = View(open_space(settings.library, space, settings.index), embedder)
        self._name = space.name
        return view

    def _state(self) -> _State:
        """Returns what changes whenever library.json is replaced."""
        try:
            stat = self._head.stat()
        except OSError:
            return None
        return stat.st_ino, stat.st_mtime_ns
