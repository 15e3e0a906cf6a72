"""The table of operations: what a call needs to know, read once."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Literal, NotRequired, TypeAlias, TypedDict, cast

__all__ = ["Kind", "Row", "table"]

#: ``boolean``, ``integer``, ``string``, ``strings``, ``version`` (a string or a number), ``piece``
#: (of a URL: it keeps its ``/`` and its ``?query``), or the values of an enum.
Kind: TypeAlias = str | list[str]


class Row(TypedDict):
    """One operation. A key that goes without saying is left out."""

    method: str
    #: A template, such as ``/deployments/{deployment_id}``.
    path: str
    #: The path's parameters in its order.
    segments: NotRequired[dict[str, Kind]]
    query: NotRequired[dict[str, Kind]]
    #: Header fields and form fields by the names of their arguments.
    header: NotRequired[dict[str, str]]
    form: NotRequired[dict[str, str]]
    #: The arguments that must be there, besides the path's.
    required: NotRequired[list[str]]
    body: NotRequired[Literal["required", "optional"]]
    #: The media type of a body of text; JSON where there is none.
    consumes: NotRequired[str]
    #: What the answer is as a whole; an object where there is none.
    answer: NotRequired[Literal["any", "array", "bytes", "string"]]
    #: Whether a field ``errors`` belongs to the good answer.
    partial: NotRequired[bool]
    #: Whether a redirect is a good answer.
    redirect: NotRequired[bool]
    #: The session's own method, which is to be called instead.
    session: NotRequired[str]
    #: The only platform that has the operation.
    only: NotRequired[Literal["ece", "hosted"]]


@cache
def table() -> dict[str, Row]:
    """Return the operations by their names in Python; 50 kB of JSON, about a millisecond."""
    text = Path(__file__).with_name("table.json").read_text(encoding="utf-8")
    return cast("dict[str, Row]", json.loads(text))
