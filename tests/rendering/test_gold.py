"""Whole documents as they should read. After a wanted change: `make bless`, and look at the difference."""

from __future__ import annotations

from pathlib import Path

import pytest
import repositories
from conftest import Gold

from findings_report import commands
from findings_report.commands.diff import DiffOptions, diff
from findings_report.commands.track import update
from findings_report.model.comparison import Comparison
from findings_report.model.report import Report
from findings_report.rendering.template_files import find_template
from findings_report.report import archive
from findings_report.report.check import assembled

SEED = """title: Improper Error Handling and Potential SQL Injection Vulnerability
severity: medium
status: undetermined
description: |
  The code, specifically in lines 111-129 within the `_ipam_allocate_ips` method, could potentially lead to an SQL injection.
recommendation: |
  To mitigate this potential vulnerability, ensure that all user inputs are validated.
locations:
  - path: neutron/db/ipam_pluggable_backend.py
    lines: 111-129
    quote: |
      116                 ip_list = [ip] if isinstance(ip, dict) else ip
      117                 subnets = [ip_dict['subnet_id'] for ip_dict in ip_list]
      ...
      121                     ipam_allocator = ipam_driver.get_allocator(subnets)
"""
SEED_ENGAGEMENT = """format: 1
title: Security review of Neutron
summary: After reviewing the code for security defects, we have identified one concern.
recommendation: Review and apply validation to all inputs.
conclusion: Overall, the code handles exceptions broadly and logs errors without leaking sensitive information.
repositories:
  neutron:
    url: https://github.com/openstack/neutron
    commit: fb3f71806174bc2fae7e421268aeee61be36412d
"""


def report(folder: Path) -> tuple[Report, Path]:
    checked = commands.check(commands.Inputs(folder, {}), lambda _: None)
    made = assembled(checked, None)
    return made.model_copy(update={"components": ()}), checked.folder  # versions are the machine's


@pytest.mark.parametrize("template", ["standard", "review"])
def test_the_demo_reads_as_it_should(tmp_path: Path, gold: Gold, template: str) -> None:
    made, folder = report(commands.demo(tmp_path / "demo"))

    rendered = commands.render(made, "md", find_template(template, folder, given=True), system_fonts=False)

    gold.check(f"demo-{template}.md", rendered.content.decode())


def test_the_demos_json_is_stable(tmp_path: Path, gold: Gold) -> None:
    made, _ = report(commands.demo(tmp_path / "demo"))

    gold.check("demo.json", archive.to_json(made).decode())


def test_the_seed_without_a_clone_reads_as_it_should(tmp_path: Path, gold: Gold) -> None:
    findings = tmp_path / "findings"
    findings.mkdir()
    (findings / "engagement.yaml").write_text(SEED_ENGAGEMENT)
    (findings / "NTR-001.finding.yaml").write_text(SEED)
    made, folder = report(findings)

    rendered = commands.render(made, "md", find_template("review", folder, given=True), system_fonts=False)

    gold.check("seed-review.md", rendered.content.decode())


SINCE = """status: resolved
fix:
  commits: ["1.1"]
  note: Parameters instead of strings.
residual_severity: informational
history:
  - {date: 2026-05-04, status: resolved, by: Bo Example, note: "Read again, and tried."}
"""


def compared(folder: Path) -> tuple[Comparison, Path]:
    """The demo's two releases, with claims of every kind."""
    demo = commands.demo(folder)
    repositories.git(demo, "init", "-q")
    repositories.git(demo, "add", "findings")
    repositories.git(demo, "commit", "-qm", "1.0")
    repositories.git(demo, "tag", "report-1.0")
    inputs = commands.Inputs(demo, {})
    update(inputs, "1.1", only=None, dry_run=False, progress=lambda _: None)
    for number, status in ((1, SINCE), (2, "status: resolved\n"), (3, "status: resolved\nresponse: Done.\n")):
        path = demo / f"findings/DEMO-00{number}.finding.yaml"
        path.write_text(path.read_text().replace("status: open\n", status))
    wishes = DiffOptions((), None, None, system_fonts=False, fail_on=(), exit_code=False)
    made = diff("report-1.0", None, inputs, wishes, lambda _: None).comparison
    return made.model_copy(update={"components": ()}), demo / "findings"


@pytest.mark.parametrize("template", ["standard", "fix-review"])
def test_the_demos_two_releases_compared_read_as_they_should(tmp_path: Path, gold: Gold, template: str) -> None:
    made, folder = compared(tmp_path / "demo")

    rendered = commands.render(made, "md", find_template(template, folder, given=True), system_fonts=False)

    gold.check(f"demo-diff-{template}.md", rendered.content.decode())
