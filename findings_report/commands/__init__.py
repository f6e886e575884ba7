"""The whole program: a page for each command, stages from values to values. It prints nothing.

Pages that need many stages, `diff`, `track` and `links`, are imported by their own names, so that no other command loads them.
"""

from findings_report.commands.build import Built, Wishes, build
from findings_report.commands.doctor import doctor
from findings_report.commands.fetch import fetch
from findings_report.commands.gates import gates
from findings_report.commands.init import demo, init, schema, write_schemas
from findings_report.commands.list import overview
from findings_report.commands.new import Draft, library, new
from findings_report.commands.pin import pin
from findings_report.rendering.formats import render
from findings_report.rendering.run import Written
from findings_report.report.check import Checked, Inputs, Progress, assembled, check

__all__ = [
    "Built",
    "Checked",
    "Draft",
    "Inputs",
    "Progress",
    "Wishes",
    "Written",
    "assembled",
    "build",
    "check",
    "demo",
    "doctor",
    "fetch",
    "gates",
    "init",
    "library",
    "new",
    "overview",
    "pin",
    "render",
    "schema",
    "write_schemas",
]
