"""Where a record came from."""

from __future__ import annotations

from pydantic import Field

from schemas.model import Model


class Origin(Model):
    """Where a record came from: the key by which it is taken once.

    `topic` is the topic's generation id from the control topic, so that a topic deleted and created again, whose
    offsets start anew, is another origin.
    """

    topic: str = Field(description="the topic's generation id")
    partition: int = Field(description="the source's partition")
    offset: int = Field(description="the source's offset")
    ordinal: int = Field(default=0, description="0, but for records that become several")

    @property
    def source(self) -> str:
        """The origin partition, one high-water each."""
        return f"{self.topic}/{self.partition}"

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}@{self.offset}.{self.ordinal}"
