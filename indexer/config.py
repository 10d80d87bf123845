"""Settings: the only reader of the environment."""

from pathlib import Path
from typing import Any

from platformdirs import user_data_path
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from indexer.errors import ConfigError


class Settings(BaseSettings):
    """Each field can be set as ATISBO_<NAME>, for example ATISBO_LIBRARY; options go before."""

    model_config = SettingsConfigDict(
        env_prefix="ATISBO_", env_ignore_empty=True, frozen=True, extra="ignore"
    )

    library: Path = Field(
        default_factory=lambda: user_data_path("atisbo", appauthor=False) / "library",
        description="Folder that holds catalogue, vectors and thumbnails",
    )
    database: str | None = Field(
        None, description="SQLAlchemy URL of the catalogue; default catalog.db in the library"
    )
    model: str | None = Field(None, description="Model that a new library is made with")
    device: str = Field("auto", description="auto, cpu, cuda, cuda:N or mps")
    precision: str = Field("auto", description="auto, fp32, bf16 or fp16")
    index: str = Field("faiss", description="Vector back end: faiss, torch, torch:cuda:N or exact")
    max_memory: str | None = Field(None, description="What a search may keep in memory, as 2GB")
    min_recall: str | None = Field(
        None, description="Share of the true ten best that a search must find; default 98%"
    )
    max_latency: str | None = Field(
        None, description="What one search may take, as 20ms; default 10ms"
    )
    remember_queries: bool = Field(
        False, description="Keep texts that are asked, in queries.txt, to tune large indexes by"
    )
    batch_size: int = Field(32, ge=1, le=4096, description="Pictures or captions embedded at once")
    workers: int | None = Field(
        None, ge=1, le=256, description="Threads that decode; default one for each core"
    )
    checkpoint_items: int = Field(
        4096, ge=1, description="Work is made durable after so many items, or 15 s"
    )
    max_megapixels: int = Field(
        180, ge=1, description="Larger pictures are skipped (decompression bombs)"
    )
    video_every: float = Field(
        10.0, gt=0, le=3600, description="A long take of a film gives one moment every so many s"
    )
    max_moments: int = Field(5000, ge=1, description="Moments taken of one film at most")
    video_seconds: int = Field(
        900, ge=1, description="Seconds that reading one film may take, without embedding it"
    )
    vocabulary: Path | None = Field(
        None, description="Text file of words to label pictures with, one a line"
    )
    host: str = Field("127.0.0.1", description="Address the service listens on")
    port: int = Field(8420, ge=0, le=65535, description="Port the service listens on")
    threads: int = Field(8, ge=1, le=512, description="Requests served side by side, each process")
    processes: int = Field(1, ge=1, le=64, description="Processes that serve, each with the model")
    allowed_hosts: list[str] = Field(
        [], description="Further host names by which the service may be called (JSON list)"
    )


def load_settings(**options: object) -> Settings:
    """Returns the settings of the environment, overridden by the options that are not None.

    Raises:
        ConfigError: a value is not allowed; the message names the setting.
    """
    try:
        chosen: dict[str, Any] = {key: value for key, value in options.items() if value is not None}
        return Settings(**chosen)
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"])
        raise ConfigError(
            f"setting {name} (ATISBO_{name.upper()}) is {first['input']!r}: {first['msg']}"
        ) from error
