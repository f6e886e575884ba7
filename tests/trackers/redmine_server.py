"""Debian's own Redmine on loopback, in an instance of its own: a Redmine that is in use on this machine is not touched.

Needs root, because Debian's Redmine belongs to www-data. The database is a copy of the one that the package made.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("redmine", "redmine-sqlite", "puma")
_CODE = Path("/usr/share/redmine")
_INSTANCES = Path("/var/lib/redmine")
_PACKAGED = Path("/var/lib/dbconfig-common/sqlite3/redmine/instances/default/redmine_default")
_PATIENCE_SECONDS = 180

SEED = """
Setting.rest_api_enabled = '1'
Setting.attachment_max_size = '256' # kilobytes
Setting.text_formatting = 'textile'
admin = User.find_by_login('admin')
admin.must_change_passwd = false
admin.save!(validate: false)
guest = User.new(firstname: 'Guest', lastname: 'Reader', mail: 'guest@example.org')
guest.login = 'guest'
guest.password = guest.password_confirmation = 'long enough'
guest.save!
reader = Role.create!(name: 'Only reads', permissions: [:view_issues])
{ 'audit' => false, 'open' => true }.each do |identifier, is_public|
  project = Project.new(name: identifier.capitalize, identifier: identifier)
  project.is_public = is_public
  project.trackers = Tracker.all
  project.enabled_module_names = %w[issue_tracking]
  project.save!
  Member.create!(project: project, user: guest, roles: [reader])
end
puts JSON.generate(admin: admin.api_key, guest: guest.api_key)
"""


def missing() -> str | None:
    """Why it cannot be started here; None when it can."""
    if os.geteuid() != 0:
        return "starting Debian's Redmine needs root"
    absent = [name for name in PACKAGES if _version(name) is None]
    return f"not installed: {' '.join(absent)} (make tracker-servers)" if absent else None


@dataclass(frozen=True)
class RedmineServer:
    """A running Redmine with the projects `audit`, private, and `open`, public."""

    url: str
    admin: str
    """Key of one who may do everything."""
    guest: str
    """Key of one who may read, and no more."""


@contextmanager
def redmine() -> Iterator[RedmineServer]:
    """A Redmine of its own, started and in the end removed."""
    instance = _INSTANCES / f"findings-report-test-{os.getpid()}"
    log = instance / "server.log"
    try:
        _make(instance)
        keys = json.loads(_run(instance, "bundle exec ruby bin/rails runner", str(_seed(instance))).splitlines()[-1])
        port = _free_port()
        serve = f"exec puma -e production -b tcp://127.0.0.1:{port} -t 1:4 config.ru"
        with log.open("wb") as said, subprocess.Popen(_command(instance, serve), cwd=_CODE, stdout=said, stderr=said) as server:
            try:
                _wait(f"http://127.0.0.1:{port}/login", server, log)
                yield RedmineServer(f"http://127.0.0.1:{port}", keys["admin"], keys["guest"])
            finally:
                server.terminate()
    finally:
        shutil.rmtree(instance, ignore_errors=True)


def _make(instance: Path) -> None:
    for name in ("config", "files", "log", "tmp/cache", "public/plugin_assets"):
        (instance / name).mkdir(parents=True)
    shutil.copyfile(_PACKAGED, instance / "config/redmine.sqlite")
    database = {"adapter": "sqlite3", "database": str(instance / "config/redmine.sqlite"), "encoding": "utf8"}
    (instance / "config/database.yml").write_text(json.dumps({"production": database}))
    (instance / "config/secret_key.txt").write_text("0" * 64)
    for path in (instance, *instance.rglob("*")):
        shutil.chown(path, "www-data", "www-data")


def _seed(instance: Path) -> Path:
    path = instance / "seed.rb"
    path.write_text(SEED)
    path.chmod(0o644)
    return path


def _run(instance: Path, *words: str) -> str:
    done = subprocess.run(_command(instance, " ".join(words)), cwd=_CODE, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _command(instance: Path, command: str) -> list[str]:
    # Debian 12 ships a newer bundler as default gem, which lacks the patch that its own packages need.
    bundler = (_version("ruby-bundler") or "").partition("-")[0]
    words = f"REDMINE_INSTANCE={instance.name} RAILS_ENV=production RAILS_LOG_TO_STDOUT=1 BUNDLER_VERSION={bundler} {command}"
    return ["setpriv", "--reuid=www-data", "--regid=www-data", "--init-groups", "sh", "-c", f"export HOME=/tmp; {words}"]


def _version(package: str) -> str | None:
    asked = subprocess.run(["dpkg-query", "-W", "-f=${Status}|${Version}", package], capture_output=True, text=True)
    status, _, version = asked.stdout.partition("|")
    return version if status.endswith(" installed") else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=60):  # noqa: S310 - loopback
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    raise AssertionError(f"the server did not answer:\n{log.read_text(errors='replace')[-3000:]}")
