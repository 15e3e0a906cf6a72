"""What all effects have in common: how they nest."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    from aiocloudauth.testing.answers import Answer
    from aiocloudauth.testing.realm import Realm

__all__ = ["Effect", "Proceed"]


class Proceed(Protocol):
    """What carries out the rest; told not to `work`, all but the operation itself."""

    async def __call__(self, *, work: bool = True) -> Answer:
        """Make the answer so far."""


class Effect:
    """One thing that goes wrong with an answer, as a value.

    It replaces the answer (the operation is then not carried out), changes the answer that
    the operation gave, or changes how it is delivered. Several of them nest: each is handed
    what the ones after it make of the request.
    """

    #: How the effect is called in a script that is written as data.
    name: ClassVar[str]

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        """Make the answer; `proceed` carries out the rest, down to the operation."""
        raise NotImplementedError
