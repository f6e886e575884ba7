"""Whether another machine makes the same bytes of the same job."""

from __future__ import annotations

from importlib import metadata

from findings_report.renderers.made_by import CODE, toolchain_versions


def worker_versions() -> dict[str, str]:
    """Version by name of what decides a document, and of what carries it."""
    return toolchain_versions() | {"distributed": metadata.version("distributed")}


def describe_difference(theirs: object) -> str | None:
    """How another machine's `worker_versions` differs, in words; None when it does not. `theirs` is as JSON had it."""
    ours = worker_versions()
    if not isinstance(theirs, dict):
        return "it does not say what it has"
    for name in dict.fromkeys([*ours, *theirs]):
        if ours.get(name) != theirs.get(name):
            if name == CODE:
                return f"{CODE} are not the same"
            return f"it has {name} {theirs.get(name, 'not at all')}, and this machine {ours.get(name, 'not at all')}"
    return None
