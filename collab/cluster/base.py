"""The cluster port: bells and notes about documents, and which nodes there are.

What goes over it may be lost: bells are backed by positions in the log, notes by asking again. A
node hears of the documents that it has joined, and of nothing else.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from collab.protocol.bells import Message


class Listener(Protocol):
    """Who hears about one document."""

    def hear(self, message: Message, /) -> None:
        """Take a message; our own bells come back as well, in the one order that all nodes see."""


class Watcher(Protocol):
    """Who is told about the cluster as a whole."""

    def cluster_changed(self, reachable: bool, /) -> None:
        """The cluster is out of reach for longer than a blink, or back."""

    def bells_missed(self) -> None:
        """Bells and notes may have been missed until now; everything told from now on is heard."""

    def notes_lost(self) -> None:
        """Notes of ours were lost; what is told from now on goes out."""

    def node_left(self, node: str, /) -> None:
        """A node has left, or its lease has ended."""

    def node_returned(self, node: str, /) -> None:
        """A node that was told to have left is there after all."""


class Cluster(ABC):
    """The other nodes, as far as one node knows of them.

    Attributes:
        node: our own name; a new one with every start.
    """

    node: str

    @property
    @abstractmethod
    def nodes(self) -> int:
        """How many nodes are alive, ourselves included."""

    @property
    @abstractmethod
    def reachable(self) -> bool:
        """Whether bells and notes go out and come in at present."""

    @property
    def trouble(self) -> str:
        """Why that is not so, in words for whoever looks after it; empty where nobody knows."""
        return ""

    @abstractmethod
    async def open(self, watcher: Watcher) -> None:
        """Become one of the nodes.

        Raises:
            CollabError: ``cluster_degraded``.
        """

    @abstractmethod
    async def close(self) -> None:
        """Leave. Idempotent."""

    @abstractmethod
    async def join(self, document: str, listener: Listener) -> None:
        """Hear about ``document``; everything that is told after this returns is heard.

        Raises:
            CollabError: ``cluster_degraded``.
        """

    @abstractmethod
    def leave(self, document: str) -> None:
        """Hear no more about ``document``."""

    @abstractmethod
    def renew(self, document: str) -> None:
        """A bell of ``document`` was missed: make sure that the next is heard."""

    @abstractmethod
    def tell(self, document: str, body: Mapping[str, Any]) -> None:
        """Send a note to the other nodes that have joined ``document``; where that fails, the watcher hears of it."""

    @abstractmethod
    async def listeners(self, document: str) -> int:
        """How many nodes have joined ``document``, ourselves included if we have; 0 where that is not known."""

    @abstractmethod
    def count(self, people: Mapping[str, int]) -> None:
        """Let the others know how many people each document has here."""

    @abstractmethod
    async def people(self, documents: Sequence[str]) -> list[int]:
        """How many people the other nodes count in each of ``documents``; 0 where that is not known."""
