"""Makes what is published of a version: wheel, source archive, bill of materials and checksums, in dist/.

    python tools/release.py https://git.example.org/findings-report/blob/v1.0

The argument is the address of the files of this version, for the links of the README and the metadata. All is built twice, from
two copies of the commit, and must have the same bytes. Refused: changes that are not committed, a commit without the tag
`vVERSION`, a version without a date in CHANGELOG.md, metadata that are not valid, a relative link in the description, and a
picture there that leads to a page.
"""

from __future__ import annotations

import argparse
import email
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from packaging.metadata import Metadata

ROOT: Final = Path(__file__).resolve().parents[1]
_NAME: Final = "findings-report"
_PIN: Final = re.compile(r"^([A-Za-z0-9_.-]+)==([^ ;\\]+)")
_HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_PICTURE_PAGE: Final = re.compile(r"!\[[^\]\[]*\]\([^)\s]*/(?:blob|src)/[^)\s]*\)")
_RELATIVE_LINK: Final = re.compile(r"\]\((?![a-z]+:|#)[^)\s]+\)")


def main() -> None:
    """Build, compare, check and write; exit with 1 and a reason if something does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("address", help="address of the files of this version, such as https://git.example.org/a/blob/v1.0")
    parser.add_argument("--untagged", action="store_true", help="try it out: the commit needs no tag, the version no date")
    options = parser.parse_args()
    version = re.findall(r'^__version__ = "([^"]+)"$', (ROOT / "findings_report/__init__.py").read_text("utf-8"), re.MULTILINE)[
        0
    ]
    if not options.untagged:
        check_commit(version)
    with tempfile.TemporaryDirectory() as folder:
        first, second = (build(Path(folder, name), options.address) for name in ("first", "second"))
    if different := sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name)):
        stop(f"built twice, these have other bytes: {', '.join(different)}")
    (wheel,) = (content for name, content in first.items() if name.endswith(".whl"))
    with tempfile.TemporaryFile() as file:
        file.write(wheel)
        check_metadata(zipfile.ZipFile(file))
    files = {**first, f"{_NAME}-{version}.cdx.json": bill_of_materials(version, wheel)}
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items()))
    dist = ROOT / "dist"
    dist.mkdir(exist_ok=True)
    for name, content in {**files, "SHA256SUMS": sums.encode()}.items():
        (dist / name).write_bytes(content)
        print(f"dist/{name}  {len(content):,} bytes")


def check_commit(version: str) -> None:
    """Exit with 1 unless the commit is that of the version: nothing changed, tagged, and dated in the changelog."""
    if run("git", "status", "--porcelain"):
        stop("there are changes that are not committed")
    if f"v{version}" not in run("git", "tag", "--points-at", "HEAD").split():
        stop(f"this commit has no tag v{version}")
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    if not re.search(rf"^## {re.escape(version)} - \d{{4}}-\d\d-\d\d$", changelog, re.MULTILINE):
        stop(f"CHANGELOG.md has no heading `## {version} - YYYY-MM-DD`")


def build(folder: Path, address: str) -> dict[str, bytes]:
    """Return the files that a copy of the commit builds, by name. Their dates are that of the commit."""
    source = folder / "source"
    source.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    subprocess.run(["tar", "-x"], cwd=source, input=archive, check=True)
    seconds = run("git", "log", "-1", "--format=%ct").strip()
    environment = {**os.environ, "SOURCE_DATE_EPOCH": seconds, "FINDINGS_REPORT_ADDRESS": address}
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder / "dist"), str(source)]
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    return {path.name: path.read_bytes() for path in sorted((folder / "dist").iterdir())}


def check_metadata(wheel: zipfile.ZipFile) -> None:
    """Exit with 1 unless the metadata are valid, as packaging reads them, and the description's links are absolute."""
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    text = wheel.read(name)
    metadata = Metadata.from_email(text, validate=True)
    if not metadata.project_urls:
        stop("the metadata have no Project-URL")
    description = str(email.message_from_bytes(text).get_payload())
    if relative := _RELATIVE_LINK.findall(description):
        stop(f"the description has relative links: {', '.join(relative)}")
    if pages := _PICTURE_PAGE.findall(description):
        stop(f"the description has pictures that lead to pages: {', '.join(pages)}")


def bill_of_materials(version: str, wheel: bytes) -> bytes:
    """Return a CycloneDX document: the program, and the packages of requirements.lock with the hashes that pip accepts."""
    digest = HashType(alg=HashAlgorithm.SHA_256, content=hashlib.sha256(wheel).hexdigest())
    purl = PackageURL("pypi", None, _NAME, version)
    program = Component(
        name=_NAME, version=version, type=ComponentType.APPLICATION, purl=purl, bom_ref=str(purl), hashes=[digest]
    )
    bom = Bom()
    bom.metadata.component = program
    # The same bytes of the same commit: no time, and a number that is the wheel's.
    bom.metadata.timestamp = None  # type: ignore[assignment]  # optional in the standard
    bom.serial_number = uuid5(NAMESPACE_URL, str(digest.content))
    for block in re.split(r"\n(?=\S)", (ROOT / "requirements.lock").read_text("utf-8")):
        if pin := _PIN.match(block):
            name, release = pin.groups()
            hashes = [HashType(alg=HashAlgorithm.SHA_256, content=each) for each in _HASH.findall(block)]
            purl = PackageURL("pypi", None, name, release)
            bom.components.add(Component(name=name, version=release, purl=purl, bom_ref=str(purl), hashes=hashes))
    bom.register_dependency(program, bom.components)
    text = JsonV1Dot6(bom).output_as_string(indent=2)
    if fault := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        stop(f"the bill of materials is not valid: {str(fault.data).splitlines()[0]}")
    return text.encode() + b"\n"


def run(*command: str) -> str:
    """Return what a command of the repository prints."""
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def stop(reason: str) -> None:
    """Exit with 1."""
    sys.exit(f"not released: {reason}")


if __name__ == "__main__":
    main()
