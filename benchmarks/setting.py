"""What a case is told: the server, which peers, how much."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.control import Control
from benchmarks.peers import installed

if TYPE_CHECKING:
    from benchmarks.peers.peer import Peer


@dataclass(frozen=True)
class Setting:
    """One run of a case in a process of its own.

    Attributes:
        port: The server's.
        loop: ``asyncio`` or ``uvloop``.
        quick: Whether to be done in seconds: fewer rounds, shorter ones.
        peers: The names of the clients to compare.
    """

    port: int
    loop: str
    quick: bool
    peers: tuple[str, ...]
    control: Control = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "control", Control(self.port))

    def clients(self) -> dict[str, type[Peer]]:
        """Return the peers that are installed."""
        return installed(self.peers)

    def pick(self, full: int, quick: int) -> int:
        """Return how many rounds to do."""
        return quick if self.quick else full
