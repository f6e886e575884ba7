"""Debian's own Request Tracker on loopback, with a configuration and a database of its own: one in use here is not touched.

Needs root, because it runs as www-data. The database is a copy of the one that the package made.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from trackers import debian

PACKAGES = ("request-tracker5", "rt5-db-sqlite", "rt5-standalone")
_CODE = Path("/usr/share/request-tracker5")
_PACKAGED = Path("/var/lib/dbconfig-common/sqlite3/request-tracker5/rtdb")
LARGEST = 200_000
"""Bytes: what is larger is cut off, without the one who sent it being told."""

CONFIGURATION = """
Set($WebPath, '');
Set($WebBaseURL, '{url}');
Set($WebDomain, '127.0.0.1');
Set($WebPort, {port});
Set($MailCommand, 'testfile');
Set($BcryptCost, 5); # the token is held against its hash at each request
Set($LogToSyslog, undef);
Set($LogToSTDERR, 'error');
Set($DatabaseType, 'SQLite');
Set($DatabaseName, '{database}');
Set($MaxAttachmentSize, {largest});
Set($TruncateLongAttachments, 1);
1;
"""

SEED = """
use lib '/usr/share/request-tracker5/lib';
use RT -init;
my $root = RT::CurrentUser->new('root');
my $queue = RT::Queue->new(RT->SystemUser);
$queue->Load('General');
my %users = (root => $root->UserObj);
for my $name ('guest', 'other') {
    my $user = $users{$name} = RT::User->new(RT->SystemUser);
    my ($id, $said) = $user->Create(Name => $name, EmailAddress => "$name\\@example.org", Privileged => 1);
    die $said unless $id;
}
$users{guest}->PrincipalObj->GrantRight(Right => $_, Object => $queue) for qw(SeeQueue ShowTicket ShowTicketComments);
my %tokens;
for my $name (keys %users) {
    my $token = RT::AuthToken->new(RT->SystemUser);
    my ($id, $said, $text) = $token->Create(Owner => $users{$name}->Id, Description => 'test');
    die $said unless $id;
    $tokens{$name} = $text;
}
$users{root}->SetPassword('long enough');
print JSON::encode_json(\\%tokens), "\\n";
"""


def missing() -> str | None:
    """Why it cannot be started here; None when it can."""
    return debian.missing(PACKAGES)


@dataclass(frozen=True)
class RtServer:
    """A running Request Tracker with the queue `General`."""

    url: str
    root: str
    """Token of one who may do everything; the password is `long enough`."""
    guest: str
    """Token of one who may read tickets and comments, and no more."""
    other: str
    """Token of one who may do nothing."""


@contextmanager
def request_tracker() -> Iterator[RtServer]:
    """A Request Tracker of its own, started and in the end removed."""
    folder = Path(tempfile.mkdtemp(prefix="findings-report-rt-"))
    port = debian.free_port()
    url = f"http://127.0.0.1:{port}"
    try:
        _make(folder, url, port)
        tokens = json.loads(debian.answer_of(_command(folder, ["perl", str(folder / "seed.pl")]), folder))
        serve = [str(_CODE / "libexec/rt-server"), "--host", "127.0.0.1", "--port", str(port), "--max-workers", "2"]
        with debian.serving(_command(folder, serve), folder, url, folder / "server.log"):
            yield RtServer(url, **tokens)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _make(folder: Path, url: str, port: int) -> None:
    database = folder / "rtdb"
    shutil.copyfile(_PACKAGED, database)
    written = CONFIGURATION.format(url=url, port=port, database=database, largest=LARGEST)
    (folder / "site.pm").write_text(written)
    (folder / "seed.pl").write_text(SEED)
    for path in (folder, *folder.iterdir()):
        shutil.chown(path, "www-data", "www-data")


def _command(folder: Path, command: list[str]) -> list[str]:
    return debian.as_www_data(command, {"RT_SITE_CONFIG": str(folder / "site.pm"), "RT_SITE_CONFIG_DIR": str(folder)})
