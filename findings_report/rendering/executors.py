"""The choice of an executor: this process, or the workers of a cluster. Both take the same jobs and give the same bytes.

A cluster is sent values only; reading findings, git and publishing stay on this machine.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Final

from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.problems.suggestions import did_you_mean
from findings_report.rendering.job import LOCAL, Executor

KNOWN: Final = ("local", "dask://HOST:PORT", "tls://HOST:PORT")
"""Values of `--executor`."""


def open_executor(name: str, *, system_fonts: bool) -> AbstractContextManager[Executor]:
    """Return the executor that `--executor` names.

    Raises FindingsReportError: USAGE for an unknown name, NETWORK for a cluster that cannot be reached, has workers of another
    version, or would be sent findings unencrypted.
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
    # Imported here: the local executor works without the extra `cluster`.
    from findings_report.rendering.cluster.executor import open_cluster

    return open_cluster(name)
