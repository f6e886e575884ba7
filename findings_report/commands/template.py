"""The commands `template list`, `template show` and `template copy`: the originals of what a user may replace."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from findings_report import __version__, authoring
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.problems.safe_text import display_path
from findings_report.problems.suggestions import did_you_mean, listed
from findings_report.rendering.template_files import (
    FALLBACK,
    Template,
    TemplateFiles,
    builtin_templates,
    find_template,
    read_template,
    template_names,
)
from findings_report.system.atomic_files import publish

_ABOUT = re.compile(rb"\A\{#-?\s*(.*?)\s*-?#\}", re.DOTALL)


@dataclass(frozen=True)
class ListedTemplate:
    """A template that can be selected."""

    name: str
    """Name of the folder."""
    about: str
    """Its purpose, from the first comment of its finding; empty without one."""
    is_own: bool
    """True if a folder of that name is beside the engagement's."""
    files: tuple[str, ...]
    """Its files, by their path in the folder, without those of `standard` that it uses."""


_ABOUTS = {
    "standard": "A full report: cover, summary, findings by severity, scope, appendix.",
    "review": "A short report: summary and table first, one finding after the other.",
    "fix-review": "A comparison of two reports for customers: `diff --template fix-review`.",
}


def list_templates(start: Path) -> tuple[ListedTemplate, ...]:
    """Return the templates by name. Without an engagement at `start` these are the program's own."""
    template = _find(FALLBACK, start)
    own = template.folders[0] if len(template.folders) > 1 else None
    return tuple(
        ListedTemplate(
            name,
            _describe(name, files),
            own is not None and (own / name).is_dir(),
            tuple(sorted(files.layers[0])),
        )
        for name in template_names(template)
        for files in [read_template(Template(name, template.folders))]
    )


def _describe(name: str, files: TemplateFiles) -> str:
    about = _ABOUT.match(files.layers[0].get("finding.html.j2", b""))
    return _ABOUTS.get(name) or (" ".join(about[1].decode("utf-8", "replace").split()) if about else "")


def show_file(name: str) -> bytes:
    """Return the program's own file: `front.html.j2` of `standard`, or of another template as `review/front.html.j2`.

    Raises FindingsReportError (USAGE) if there is none.
    """
    folder, _, file = name.rpartition("/")
    files = _originals(folder or FALLBACK)
    if file not in files:
        fault = f"the template {folder or FALLBACK!r} has no file {file!r}"
        raise FindingsReportError(Problem(Kind.USAGE, fault, listed(file, sorted(files), what="file"), code="template"))
    return files[file]


def copy_template(start: Path, name: str, files: tuple[str, ...], *, to: str | None, overwrite: bool) -> tuple[Path, ...]:
    """Copy files of the program's template `name`, or all of its own, to `templates/` beside the engagement's folder.

    Each begins with a comment that says what it is a copy of. Returns the written paths. Raises FindingsReportError (USAGE) for
    an unknown name, and for a file that exists unless `overwrite`.
    """
    originals = _originals(name)
    # A file that the template takes from `standard` can be copied into it as well.
    shared = _originals(FALLBACK)
    for file in files:
        if file not in originals and file not in shared:
            known = sorted({*originals, *shared})
            fault = f"the template {name!r} has no file {file!r}"
            raise FindingsReportError(Problem(Kind.USAGE, fault, did_you_mean(file, known), code="template"))
    root = authoring.find_folder(start).absolute().parent / "templates" / (to or name)
    chosen = {file: (name, originals[file]) if file in originals else (FALLBACK, shared[file]) for file in files or originals}
    written = {root / file: _with_origin(f"{layer}/{file}", content) for file, (layer, content) in chosen.items()}
    if not overwrite and (taken := [path for path in written if path.exists()]):
        fault = f"{display_path(taken[0])} exists{f', and {len(taken) - 1} more' if taken[1:] else ''}"
        remedy = "copy to another template with --to NAME, or replace what is there with --overwrite"
        raise FindingsReportError(Problem(Kind.USAGE, fault, remedy, code="taken"))
    publish(written, new=frozenset() if overwrite else written.keys())
    return tuple(written)


def _with_origin(address: str, content: bytes) -> bytes:
    """Return a file with its provenance: by the digest a later version can be compared with what was copied."""
    opened, closed = ("/*", "*/") if address.endswith(".css") else ("{#", "#}")
    digest = hashlib.sha256(content).hexdigest()
    return f"{opened} From findings-report {__version__}, {address}, sha256 {digest} {closed}\n".encode() + content


def _originals(name: str) -> dict[str, bytes]:
    """Return the program's own files of a template."""
    builtin = builtin_templates()
    known = sorted(folder.name for folder in builtin.iterdir() if folder.is_dir())
    if name not in known:
        fault = f"findings-report has no template {name!r} ({', '.join(known)})"
        raise FindingsReportError(Problem(Kind.USAGE, fault, did_you_mean(name, known), code="template"))
    return dict(read_template(Template(name, (builtin,))).layers[0])


def _find(name: str, start: Path) -> Template:
    try:
        return find_template(name, authoring.find_folder(start), given=True)
    except FindingsReportError:
        return Template(name, (builtin_templates(),))
