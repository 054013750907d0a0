"""Lineage as PROV-JSON (W3C), with the roles and descriptions of IVOA's provenance model.

Every object is an entity, the making of every product an activity with its parameters and
software, every creator an agent. What one may not see is left out and counted, never named.
"""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

from awe.db.server.connection import database
from awe.model.info import label
from awe.model.mixins import value_of
from awe.rules.graph import Tree, flat

__all__ = ["to_prov"]

PREFIXES = {
    "awe": "urn:awe:",
    "voprov": "http://www.ivoa.net/documents/dm/provdm/voprov/",
}


class Document(dict[str, Any]):
    """PROV-JSON that prints as one line at the prompt; a dictionary in all else."""

    def __repr__(self) -> str:
        """Return how much of what it holds."""
        counts = [f"{len(part)} {name}" for name, part in self.items() if name != "prefix"]
        return f"<PROV-JSON: {', '.join(counts)}>"


def to_prov(tree: Tree, path: str | Path | None = None) -> dict[str, Any]:
    """Return a lineage as PROV-JSON, and write it to a file if one is named.

    Parameters
    ----------
    path : str or Path, optional
        Path of the file to write.
    """
    nodes, edges, hidden = flat(tree)
    document = Document({"prefix": PREFIXES, "entity": {}, "activity": {}, "agent": {}})
    made = {product for product, _, _ in edges}
    for object_id, item in nodes.items():
        document["entity"][_entity(object_id)] = _described(item)
        _attribute(document, item)
        if object_id in made:
            document["activity"][_activity(object_id)] = _making(item)
            generated = {"prov:entity": _entity(object_id), "prov:activity": _activity(object_id)}
            if item._committed:
                generated["prov:time"] = _moment(item.creation_date)
            _add(document, "wasGeneratedBy", generated)
    for product, parent, role in edges:
        used = {"prov:activity": _activity(product), "prov:entity": _entity(parent)}
        _add(document, "used", {**used, "prov:role": role})
        _add(document, "wasDerivedFrom", {
            "prov:generatedEntity": _entity(product),
            "prov:usedEntity": _entity(parent),
            "prov:activity": _activity(product),
        })  # fmt: skip
    if hidden:
        document["entity"][_entity(tree.item.object_id)]["awe:inputsNotVisible"] = hidden
    if path is not None:
        Path(path).write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    return document


def _entity(object_id: Any) -> str:
    return f"awe:{object_id}"


def _activity(object_id: Any) -> str:
    return f"awe:making-{object_id}"


def _add(document: dict[str, Any], kind: str, relation: dict[str, Any]) -> None:
    relations = document.setdefault(kind, {})
    relations[f"_:{kind}{len(relations) + 1}"] = relation


def _described(item: Any) -> dict[str, Any]:
    told = {
        "prov:label": label(item),
        "prov:type": {"$": f"awe:{type(item).__name__}", "type": "prov:QUALIFIED_NAME"},
        "voprov:name": value_of(item, "filename", "") or label(item),
    }
    if item._committed:
        told["prov:generatedAtTime"] = {"$": _moment(item.creation_date), "type": "xsd:dateTime"}
    return told


def _making(item: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"prov:label": f"making of {label(item)}"}
    made_with = value_of(item, "process_params")
    if made_with is not None:
        told["awe:version"] = made_with.version
        told |= {f"awe:{name}": value for name, value in made_with.values().items()}
    recipe = value_of(item, "recipe")
    if recipe is not None:
        told["prov:label"] = f"{recipe.name}: {told['prov:label']}"
        told |= {"awe:recipe": recipe.name, "awe:recipe_code": recipe.digest}
        told |= {"awe:recipe_own": recipe.own, "awe:version": recipe.version}
    for role, how in (value_of(item, "choices") or {}).items():
        told[f"awe:chosen_{role}"] = how
    return told


def _attribute(document: dict[str, Any], item: Any) -> None:
    if not item._committed:
        return
    name = _user(item._creator)
    document["agent"][f"awe:user-{name}"] = {
        "prov:label": name,
        "prov:type": {"$": "prov:Person", "type": "prov:QUALIFIED_NAME"},
    }
    relation = {"prov:entity": _entity(item.object_id), "prov:agent": f"awe:user-{name}"}
    _add(document, "wasAttributedTo", relation)


def _user(number: int) -> str:
    known: dict[int, str] = database.memory.setdefault("names of users", {})
    if not known:
        rows = database.execute("SELECT id, upper(role_name::text) FROM awe.users")
        known.update(dict(rows))
    return known.get(number, str(number))


def _moment(value: datetime.datetime) -> str:
    return value.isoformat() + "Z"
