"""A child process without network, files and privileges, with limits on time, memory and output.

In: the name of a worker module, and requests of JSON and named bytes. Out: replies of the same form, or
FindingsReportError (OUTPUT) with a code for each limit and each kind of failure. The folder does not know what a worker
module computes, and trusts nothing that a child sends.

A worker module has `prepare` and `serve`; see `__main__.WorkerModule`. `start_child` and `ask` are for several
requests, `run` for one.
"""

from findings_report.sandbox.child_process import Child, ChildReply, ask, kill, run, start_child
from findings_report.sandbox.restrict import Limits, landlock_version

__all__ = ["Child", "ChildReply", "Limits", "ask", "kill", "landlock_version", "run", "start_child"]
