"""TODO commands."""

from findings_report.commands.build import Built, Wishes
from findings_report.commands.new import Draft

__all__ = ["Built", "Draft", "Wishes"]
