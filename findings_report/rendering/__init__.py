"""A Report or a Comparison in, bytes of a format out.

`job.render` renders one document; `run` renders the files of a build as jobs, which an executor runs on this machine or on
a cluster. Text formats come from templates: `template_files` finds them, `document_parts` and `template_runner` run them, and a
dialect (`html`, `markdown`) prints their values. YAML, quotes and git are not known here: a document is complete when it comes.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from findings_report.rendering.job import render
    from findings_report.rendering.template_files import Template, find_template

__all__ = ["Template", "find_template", "render"]


def __getattr__(name: str) -> Any:
    # Late: shell completion finds templates, and must not wait for Jinja and Pygments.
    if name == "render":
        from findings_report.rendering import job

        return job.render
    if name in __all__:
        from findings_report.rendering import template_files

        return getattr(template_files, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
