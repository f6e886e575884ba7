"""Debian's own Redmine on loopback, in an instance of its own: a Redmine that is in use on this machine is not touched.

Needs root, because Debian's Redmine belongs to www-data. The database is a copy of the one that the package made.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from trackers import debian

PACKAGES = ("redmine", "redmine-sqlite", "puma")
_CODE = Path("/usr/share/redmine")
_INSTANCES = Path("/var/lib/redmine")
_PACKAGED = Path("/var/lib/dbconfig-common/sqlite3/redmine/instances/default/redmine_default")

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
    return debian.missing(PACKAGES)


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
    try:
        _make(instance)
        runner = ["bundle", "exec", "ruby", "bin/rails", "runner", str(_seed(instance))]
        keys = json.loads(debian.answer_of(_command(instance, runner), _CODE).splitlines()[-1])
        url = f"http://127.0.0.1:{debian.free_port()}"
        puma = ["puma", "-e", "production", "-b", url.replace("http", "tcp"), "-t", "1:4", "config.ru"]
        with debian.serving(_command(instance, puma), _CODE, f"{url}/login", instance / "server.log"):
            yield RedmineServer(url, keys["admin"], keys["guest"])
    finally:
        shutil.rmtree(instance, ignore_errors=True)


def _make(instance: Path) -> None:
    for name in ("config", "files", "log", "tmp/cache", "public/plugin_assets"):
        (instance / name).mkdir(parents=True)
    shutil.copyfile(_PACKAGED, instance / "config/redmine.sqlite")
    # Without a time-out a thread that finds the database locked answers 500 at once, which a busy machine provokes.
    database = {
        "adapter": "sqlite3",
        "database": str(instance / "config/redmine.sqlite"),
        "encoding": "utf8",
        "timeout": 30_000,
    }
    (instance / "config/database.yml").write_text(json.dumps({"production": database}))
    (instance / "config/secret_key.txt").write_text("0" * 64)
    for path in (instance, *instance.rglob("*")):
        shutil.chown(path, "www-data", "www-data")


def _seed(instance: Path) -> Path:
    path = instance / "seed.rb"
    path.write_text(SEED)
    path.chmod(0o644)
    return path


def _command(instance: Path, command: list[str]) -> list[str]:
    # Debian 12 ships a newer bundler as default gem, which lacks the patch that its own packages need.
    bundler = (debian.version("ruby-bundler") or "").partition("-")[0]
    environment = {"RAILS_ENV": "production", "RAILS_LOG_TO_STDOUT": "1", "BUNDLER_VERSION": bundler}
    return debian.as_www_data(command, {"REDMINE_INSTANCE": instance.name, **environment})
