"""Who makes documents: this process, or the workers of a cluster. They are handed the same jobs, and make the same bytes.

What a cluster is handed are values; reading findings, git and publishing stay here.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Final

from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.problems.suggestions import did_you_mean
from findings_report.rendering.job import Executor
from findings_report.rendering.local_executor import LOCAL

KNOWN: Final = ("local", "dask://HOST:PORT", "tls://HOST:PORT")
"""What `--executor` may be."""


def open_executor(name: str, *, system_fonts: bool) -> AbstractContextManager[Executor]:
    """What `--executor` names. Raises FindingsReportError: USAGE for a word that is none, NETWORK for a cluster that cannot be
    used, whether there is none, its workers are of another kind than this program, or nobody protects what it is sent.
    """
    if name == "local":
        return nullcontext(LOCAL)
    scheme, colon, _ = name.partition("://")
    if not colon or scheme not in ("dask", "tls"):
        fault = f"--executor {name!r} is not one of {', '.join(KNOWN)}"
        raise FindingsReportError(Problem(Kind.USAGE, fault, did_you_mean(name, ("local",)), code="executor"))
    if system_fonts:
        fault = "--system-fonts means the fonts of this machine, and workers have their own"
        raise FindingsReportError(Problem(Kind.USAGE, fault, "leave it out, or --executor", code="executor"))
    from findings_report.rendering.cluster.executor import joined

    return joined(name)
