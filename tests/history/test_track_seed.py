"""The finding that this project began with, followed through ten years of OpenStack Neutron.

Needs a clone of openstack/neutron with its tags; the variable FINDINGS_REPORT_NEUTRON names it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from findings_report.git import Repository, open_repository
from findings_report.history.classify import CitedRegion
from findings_report.history.track import track
from findings_report.model.drift import DriftKind
from findings_report.model.evidence import Region

CLONE = os.environ.get("FINDINGS_REPORT_NEUTRON")
SEED = CitedRegion("neutron/db/ipam_pluggable_backend.py", Region(start_line=111, end_line=129), quoted=(116, 117, 121))

pytestmark = pytest.mark.skipif(not CLONE, reason="FINDINGS_REPORT_NEUTRON names no clone of openstack/neutron")


@pytest.fixture(scope="module")
def neutron() -> Iterator[Repository]:
    with open_repository(Path(CLONE or ""), name="neutron") as repository:
        yield repository


@pytest.mark.parametrize(
    ("release", "start", "end", "quoted", "kind"),
    [
        ("10.0.0", 110, 128, (115, 116, 120), DriftKind.MOVED),
        ("11.0.0", 112, 130, (117, 118, 122), DriftKind.MOVED),
        ("12.0.0", 111, 129, (116, 117, 121), DriftKind.UNCHANGED),
        ("13.0.0", 111, 129, (116, 117, 121), DriftKind.UNCHANGED),
        ("14.0.0", 127, 145, (132, 133, 137), DriftKind.MOVED),
        ("16.0.0", 128, 145, (133, 134, 137), DriftKind.MODIFIED),
        ("27.0.0", 128, 145, (133, 134, 137), DriftKind.MODIFIED),
    ],
)
def test_the_seed_is_found_at_every_release(
    neutron: Repository, release: str, start: int, end: int, quoted: tuple[int, ...], kind: DriftKind
) -> None:
    commit, to = neutron.commit_of("12.0.0"), neutron.commit_of(release)
    assert commit is not None
    assert to is not None

    (drift,) = track(neutron, [SEED], commit=commit, to=to).drifts

    assert drift.kind is kind
    assert drift.now is not None
    assert drift.now.region == Region(start_line=start, end_line=end)
    assert tuple(now for _, now in drift.quoted) == quoted
    assert drift.quoted_intact
