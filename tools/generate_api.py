"""Make what `aiocloudauth.api` consists of from its facts: `make api`.

From ``aiocloudauth/api/facts.json`` come the table that is read at run time, the types and the stub
that type checkers read, the list of operations in ``docs/api.md``, and a program that calls every
operation, for type checkers alone. ``--check`` writes nothing and fails if a file is not what
the facts make it.
"""

from __future__ import annotations

import argparse
import json
import keyword
import re
import sys
from pathlib import Path
from typing import Any, Final, TypeAlias

ROOT: Final = Path(__file__).parents[1]
API: Final = ROOT / "aiocloudauth" / "api"
DOCS: Final = ROOT / "docs" / "api.md"
PROGRAM: Final = ROOT / "tests" / "typing" / "api_every_operation.py"

#: What stands in front of the list of operations in the docs page.
MARK: Final = "<!-- From here on made by `make api`. -->"

#: What a session does itself, and the name of its method.
SESSION: Final = {"login": "login", "logout": "logout", "refresh-token": "refresh"}

#: Parameters that are more than their type says: a version is read as a string and counted as a
#: number; what stands behind a proxy is asked by a piece of a URL.
_KINDS: Final = {"version": "version", "proxy_path": "piece"}

_SIMPLE: Final = {
    "any": "Any",
    "boolean": "bool",
    "integer": "int",
    "number": "float",
    "string": "str",
}

#: What the facts say of something.
Fact: TypeAlias = dict[str, Any]
#: A type as the facts write it.
Kind: TypeAlias = Any


def python_name(name: str) -> str:
    """Return a wire name, or an operation's id, as Python writes it."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    snake = words.replace("-", "_").lower()
    return f"{snake}_" if keyword.iskeyword(snake) else snake


def parameters(fact: Fact, place: str) -> list[Fact]:
    """Return an operation's parameters of one place, in the description's order."""
    return [one for one in fact.get("params", ()) if one["in"] == place]


def answer_of(fact: Fact) -> Kind:
    """Return the type of an operation's good answer."""
    return next(kind for _, kind in sorted(fact["answers"].items()))


# -- the table ----------------------------------------------------------------------------


def argument_kind(one: Fact) -> str | list[str]:
    """Return a parameter's type as the table writes it."""
    kind = one["type"]
    if one["name"] in _KINDS:
        return _KINDS[one["name"]]
    if isinstance(kind, dict):
        return list(kind["enum"])
    return "strings" if isinstance(kind, list) else str(kind)


def answer_kind(fact: Fact, types: Fact) -> str:
    """Return what an answer is as a whole."""
    kind = answer_of(fact)
    if "{proxy_path}" in fact["path"]:
        return "any"  # what stands behind the proxy answers, in its own way
    if isinstance(kind, list):
        return "array"
    if kind in types:
        return "object"
    return "bytes" if kind == "string:byte" else "string"


def row(identifier: str, fact: Fact, types: Fact) -> Fact:
    """Return what a call of an operation needs to know, without what goes without saying."""
    places = {place: parameters(fact, place) for place in ("path", "query", "header", "formData")}
    found: Fact = {"method": fact["method"], "path": fact["path"]}
    for key, place in (("segments", "path"), ("query", "query")):
        found[key] = {python_name(one["name"]): argument_kind(one) for one in places[place]}
    found["header"] = {python_name(one["name"]): one["name"] for one in places["header"]}
    found["form"] = {python_name(one["name"]): one["name"] for one in places["formData"]}
    found["required"] = [
        python_name(one["name"])
        for place in ("query", "formData")  # a header field that must be there has a value anyway
        for one in places[place]
        if one.get("required")
    ]
    if "body" in fact:
        found["body"] = "required" if fact["body"]["required"] else "optional"
        found["consumes"] = fact.get("consumes", [""])[0]
    answer = answer_of(fact)
    found["answer"] = answer_kind(fact, types).replace("object", "")
    if isinstance(answer, str) and "errors" in types.get(answer, {}).get("fields", {}):
        found["partial"] = True
    found["redirect"] = "302" in fact["answers"]
    found["session"] = SESSION.get(identifier)
    if fact.get("self_hosted") is False:
        found["only"] = "hosted"
    elif not fact["hosted"]:
        found["only"] = "ece"
    return {key: value for key, value in found.items() if value}


def lines(rows: Fact) -> str:
    """Return an object as JSON with an entry a line."""
    entries = ",\n".join(
        f"{json.dumps(name)}:{json.dumps(value, separators=(',', ':'))}"
        for name, value in rows.items()
    )
    return f"{{\n{entries}\n}}\n"


def table(facts: Fact) -> str:
    """Return the table."""
    return lines(
        {
            python_name(identifier): row(identifier, fact, facts["types"])
            for identifier, fact in sorted(facts["operations"].items())
        }
    )


# -- the types ----------------------------------------------------------------------------


def annotation(kind: Kind, prefix: str = "") -> str:
    """Return a type of the facts as an annotation."""
    if isinstance(kind, list):
        return f"list[{annotation(kind[0], prefix)}]"
    if isinstance(kind, dict) and "enum" in kind:
        return f"Literal[{', '.join(json.dumps(value) for value in kind['enum'])}]"
    if isinstance(kind, dict):
        return f"dict[str, {annotation(kind['map'], prefix)}]"
    return _SIMPLE.get(kind.partition(":")[0]) or f"{prefix}{kind}"


def typed_dict(name: str, fact: Fact) -> str:
    """Return the definition of one type."""
    if "map" in fact:
        return f"{name}: TypeAlias = {annotation(fact)}\n"
    fields = {
        key: f"Required[{annotation(kind)}]"
        if key in fact["required"]
        else f"{annotation(kind)} | None"
        for key, kind in sorted(fact["fields"].items())
    }
    if any(keyword.iskeyword(key) for key in fields):
        body = "".join(f"    {key!r}: {kind!r},\n" for key, kind in fields.items())
        return f"{name} = TypedDict({name!r}, {{\n{body}}}, total=False)\n"
    body = "".join(f"    {key}: {kind}\n" for key, kind in fields.items())
    return f"class {name}(TypedDict, total=False):\n{body or '    pass' + chr(10)}"


def types(facts: Fact) -> str:
    """Return the module of types."""
    defined = "\n".join(typed_dict(name, fact) for name, fact in sorted(facts["types"].items()))
    return (
        '"""What the API takes and answers, for type checkers. Made by `make api`.\n\n'
        "A key that may be left out may be `None` too. Source: ECE 3.8 API, definitions.\n"
        '"""\n\n'
        "from __future__ import annotations\n\n"
        "from typing import Any, Literal, Required, TypeAlias, TypedDict\n\n"
        f"{defined}"
    )


# -- the stub -----------------------------------------------------------------------------


def parameter(one: Fact) -> str:
    """Return a parameter as a signature writes it."""
    kind = one["type"]
    if one["name"] == "version":
        written = "str | int"
    elif kind == "file":
        written = "IO[bytes]"
    elif isinstance(kind, list):
        written = f"Sequence[{annotation(kind[0])}]"
    else:
        written = annotation(kind)
    must = one.get("required") and one["in"] != "header"
    return f"{python_name(one['name'])}: {written}" + ("" if must else " | None = ...")


def is_regional(path: str) -> bool:
    """Return whether the hosted cloud has an operation in every region."""
    return path.split("/")[1] in {"platform", "stack", "comments"}


def body_type(kind: str) -> str:
    """Return what a body may be: text as it is, or what is sent as JSON."""
    return f"{'Mapping[str, Any]' if kind == 'string' else f'types.{kind}'} | str | bytes"


def answer_type(fact: Fact, known: Fact) -> str:
    """Return what a call of an operation gives."""
    if set(fact["answers"]) == {"302"}:
        return "None"
    kind = answer_kind(fact, known)
    if kind in {"any", "string"}:
        return "Any"
    if kind == "bytes":
        return "bytes"
    good = {status: answer for status, answer in sorted(fact["answers"].items()) if status < "300"}
    return " | ".join(dict.fromkeys(annotation(answer, "types.") for answer in good.values()))


def method(identifier: str, fact: Fact, known: Fact) -> str:
    """Return an operation as a method of the stub."""
    keywords = [
        parameter(one)
        for place in ("query", "header", "formData")
        for one in parameters(fact, place)
    ]
    if "body" in fact:
        optional = "" if fact["body"]["required"] else " | None = ..."
        keywords.append(f"body: {body_type(fact['body']['type'])}{optional}")
    if is_regional(fact["path"]):
        keywords.append("region: str | None = ...")
    keywords.append("timeout: Timeout = ...")
    signature = ", ".join(
        ["self", *(parameter(one) for one in parameters(fact, "path")), "*", *keywords]
    )
    said = ""
    if identifier in SESSION:
        said = f"    @deprecated('Refused: call cloud.{SESSION[identifier]}() instead.')\n"
    elif fact.get("deprecated"):
        said = "    @deprecated('Deprecated by Elastic.')\n"
    return (
        f"{said}    def {python_name(identifier)}({signature})"
        f" -> Call[{answer_type(fact, known)}]:\n"
        f'        """{fact["method"]} {fact["path"]}"""\n'
    )


def stub(facts: Fact) -> str:
    """Return the stub."""
    methods = "".join(
        method(identifier, fact, facts["types"])
        for identifier, fact in sorted(facts["operations"].items())
    )
    return (
        "# Every operation, for type checkers. Made by `make api`.\n"
        "# There is no module of this name: at run time `Api` finds operations in its table.\n"
        "from collections.abc import Mapping, Sequence\n"
        "from typing import IO, Any, Literal\n\n"
        "from typing_extensions import deprecated\n\n"
        "from aiocloudauth.api import types\n"
        "from aiocloudauth.api.arguments import Timeout\n"
        "from aiocloudauth.api.client import Call\n\n"
        f"class Operations:\n{methods}"
    )


# -- a program that calls them all --------------------------------------------------------


def sample(one: Fact) -> str:
    """Return an argument, as Python writes it."""
    kind = one["type"]
    if isinstance(kind, dict):
        return json.dumps(kind["enum"][-1])
    if isinstance(kind, list):
        return '["a", "b"]'
    return {"boolean": "True", "integer": "1", "file": "file"}.get(kind, '"a"')


def call(identifier: str, fact: Fact, known: Fact) -> str:
    """Return a statement that calls an operation with every argument it has."""
    arguments = [sample(one) for one in parameters(fact, "path")]
    arguments += [
        f"{python_name(one['name'])}={sample(one)}"
        for one in fact.get("params", ())
        if one["in"] != "path"
    ]
    if "body" in fact:
        kind = fact["body"]["type"]
        arguments.append('body="{}"' if kind == "string" else f"body=bodies.{kind}")
    if is_regional(fact["path"]):
        arguments.append('region="r"')
    called = f"await api.{python_name(identifier)}({', '.join([*arguments, 'timeout=5'])})"
    answer = answer_type(fact, known)
    return f"    {called}\n" if answer == "None" else f"    assert_type({called}, {answer})\n"


def program(facts: Fact) -> str:
    """Return the program."""
    operations = facts["operations"]
    kinds = {fact["body"]["type"] for fact in operations.values() if "body" in fact} - {"string"}
    bodies = "".join(f"    {kind}: types.{kind}\n" for kind in sorted(kinds))
    calls = "".join(
        call(identifier, fact, facts["types"]) for identifier, fact in sorted(operations.items())
    )
    return (
        '"""Calls every operation, for type checkers alone. Made by `make api`."""\n\n'
        "# Some are deprecated, and are called all the same.\n"
        "# pyright: reportDeprecated=false\n\n"
        "from __future__ import annotations\n\n"
        "from typing import Any, BinaryIO, Protocol, assert_type\n\n"
        "from aiocloudauth.api import Api, types\n\n\n"
        "class Bodies(Protocol):\n"
        f"{bodies}\n\n"
        "async def call_all(api: Api, bodies: Bodies, file: BinaryIO) -> None:\n"
        f"{calls}"
    )


# -- the docs page ------------------------------------------------------------------------


def operation_list(facts: Fact) -> str:
    """Return the list of operations, by their group."""
    groups: dict[str, list[str]] = {}
    for identifier, fact in sorted(facts["operations"].items()):
        where = {"hosted": "hosted only", "ece": "ECE only"}.get(
            row(identifier, fact, facts["types"]).get("only", ""), ""
        )
        groups.setdefault(fact["group"], []).append(
            f"| `{python_name(identifier)}` | `{fact['method']} {fact['path']}` | {where} |\n"
        )
    written = "".join(
        f"\n### {group}\n\n| name | request | where |\n|---|---|---|\n{''.join(entries)}"
        for group, entries in sorted(groups.items(), key=lambda item: item[0].lower())
    )
    return f"{MARK}\n{written}"


def page(facts: Fact) -> str:
    """Return the docs page: its text as it is, the list of operations anew."""
    text = DOCS.read_text(encoding="utf-8").partition(MARK)[0]
    return text + operation_list(facts)


def made(facts: Fact) -> dict[Path, str]:
    """Return what each file holds."""
    return {
        API / "facts.json": (
            '{\n"about":'
            + json.dumps(facts["about"])
            + ',\n"notation":'
            + json.dumps(facts["notation"])
            + ',\n"operations":'
            + lines(facts["operations"])
            + ',\n"types":'
            + lines(facts["types"])
            + "}\n"
        ),
        API / "table.json": table(facts),
        API / "types.py": types(facts),
        API / "operations.pyi": stub(facts),
        PROGRAM: program(facts),
        DOCS: page(facts),
    }


def main() -> int:
    """Write the files, or with ``--check`` compare them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail if they differ")
    check = parser.parse_args().check
    facts = json.loads((API / "facts.json").read_text(encoding="utf-8"))
    different = {
        path: text
        for path, text in made(facts).items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    }
    for path, text in different.items():
        print(f"{'differs' if check else 'written'}: {path.relative_to(ROOT)}")
        if not check:
            path.write_text(text, encoding="utf-8")
    return 1 if check and different else 0


if __name__ == "__main__":
    sys.exit(main())
