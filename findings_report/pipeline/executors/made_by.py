"""Whether another machine makes the same bytes of the same job."""

from __future__ import annotations

from importlib import metadata

from findings_report.renderers import made_by as renderers

CODE = renderers.CODE


def made_by() -> dict[str, str]:
    """Version by name of what decides a document, and of what carries it."""
    return renderers.made_by() | {"distributed": metadata.version("distributed")}


def difference(theirs: object) -> str | None:
    """How another machine's `made_by` differs, in words; None when it does not. `theirs` is as JSON had it."""
    ours = made_by()
    if not isinstance(theirs, dict):
        return "it does not say what it has"
    for name in dict.fromkeys([*ours, *theirs]):
        if ours.get(name) != theirs.get(name):
            if name == CODE:
                return f"{CODE} are not the same"
            return f"it has {name} {theirs.get(name, 'not at all')}, and this machine {ours.get(name, 'not at all')}"
    return None
