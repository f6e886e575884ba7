"""The command `pin`: the commits of repositories are written to engagement.yaml, and links to branches become permalinks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from findings_report import authoring
from findings_report.authoring.proofread import Linked, linked
from findings_report.forges.branch_links import BranchLink, Homes, find_homes, pin_addresses, rewrite_links
from findings_report.forges.permalinks import build_permalink
from findings_report.problems import Kind, Problem, Subject
from findings_report.problems.safe_text import display_path
from findings_report.report.check import Inputs, read


@dataclass(frozen=True)
class PinResult:
    """The result of `pin`."""

    messages: tuple[str, ...]
    """A line for each repository that is pinned."""
    problems: tuple[Problem, ...]
    """Problems of the repositories that could not be pinned."""
    addresses: Mapping[str, str]
    """Where the code at a pinned commit is shown, by commit; without repositories whose forge is not known."""


def pin(inputs: Inputs, *, to: str | None, only: str | None) -> PinResult:
    """Pin the repositories, see `yaml_editor.pins`. Findings are not read, so they may be half written."""
    from findings_report.authoring.yaml_editor import pins as find_pins
    from findings_report.evidence.source_files import find_clones, open_clones
    from findings_report.system.atomic_files import publish_edited

    folder = authoring.find_folder(inputs.folder)
    # Not the findings: `pin` is run while they are being written.
    authored = authoring.load_engagement(authoring.Folder(folder))
    with (
        authoring.locating(authored),
        open_clones(find_clones(authored.engagement, folder, inputs.clones), inputs.borrow) as sources,
    ):
        pins, problems = find_pins(authored.engagement, sources, to=to, only=only)
    path = (folder / authoring.ENGAGEMENT).resolve()  # a link stays one
    # `publish_edited` compares the file with `was`: an edit that was saved meanwhile is not lost.
    was = content = path.read_bytes()
    for pin in pins:
        for field, value in pin.written.items():
            content = authoring.set_text(content, ("repositories", pin.name, field), value, shown=display_path(path))
    # An unchanged file keeps its modification time.
    if any(pin.written for pin in pins):
        publish_edited({path: (was, content)})
    addresses: dict[str, str] = {}
    for pin in pins:
        repository = authored.engagement.repositories[pin.name]
        commit = pin.written.get("commit") or repository.commit
        if commit and (address := build_permalink(repository.web or repository.url, commit)):
            addresses[commit] = address
    return PinResult(tuple(pin.message for pin in pins), authoring.locate(problems, authored), addresses)


@dataclass(frozen=True)
class PinLinksResult:
    """The result of `pin --links`."""

    messages: tuple[str, ...]
    """A line for each link that was pinned."""
    problems: tuple[Problem, ...]
    """A warning for each link that was not pinned, with the reason."""


def pin_links(inputs: Inputs, only: str | None) -> PinLinksResult:
    """Pin every link into the engagement's repositories, or into `only`, that shows the same at the pinned commit.

    Text, comments and layout of the files are not changed. Raises FindingsReportError if nothing was written.
    """
    from findings_report.evidence.source_files import find_clones, open_clones
    from findings_report.system import locked, publish_edited

    folder, authored = read(inputs)
    engagement = authored.engagement
    uses = [use for use in linked(engagement, authored.findings) if only in (None, use.link.repository)]
    with open_clones(find_clones(engagement, folder, inputs.clones), inputs.borrow) as sources:
        answers = pin_addresses((use.link for use in uses), engagement.repositories, sources)
    known = find_homes({name: (repository.web, repository.url) for name, repository in engagement.repositories.items()})
    edited = _edit_files(folder, authored, uses, partial(_rewrite, known, {url: a.url for url, a in answers.items()}))
    with locked(folder):  # that of its readers; `publish` adds those of subfolders
        publish_edited(edited)
    messages: list[str] = []
    left: list[Problem] = []
    for use in uses:
        answer = answers[use.link.url]
        # Located for pinned links as well: the message about them starts with file and line.
        unpinned = Problem(
            Kind.SOURCE,
            f"the link to '{use.link.rest[:80]}' was not changed: {answer.message}",
            subject=use.subject,
            line_offset=use.line_offset,
            level="warning",
            code="link-kept",
        )
        (problem,) = authoring.locate([unpinned], authored)
        if answer.url is None:
            left.append(problem)
        else:
            place = f"{problem.place.file}:{problem.place.line}: " if problem.place else ""
            messages.append(f"{place}{answer.message}: {answer.url}")
    return PinLinksResult(tuple(messages), tuple(left))


def _rewrite(known: Homes, urls: Mapping[str, str | None], text: str) -> str:
    def pin_address(link: BranchLink) -> str | None:
        return urls.get(link.url)

    return rewrite_links(text, known, pin_address)


def _edit_files(
    folder: Path, authored: authoring.Authored, uses: Sequence[Linked], change: Callable[[str], str]
) -> dict[Path, tuple[bytes, bytes]]:
    """Return the content of each file that changes: before and after."""
    files = authoring.Folder(folder)
    names = {PurePosixPath(name).name.removesuffix(authoring.FINDING_SUFFIX): name for name in files.names()}
    names[authoring.ENGAGEMENT_KEY] = authoring.ENGAGEMENT
    texts: dict[str, dict[Subject, Callable[[str], str]]] = defaultdict(dict)
    edited: dict[Path, tuple[bytes, bytes]] = {}
    for use in uses:
        key, *path = use.subject
        # The text of a section is a Markdown file of its own, which is edited as plain text.
        if path[-1] == "file":
            name = authored.engagement.sections[int(path[1])].file or ""
            content = files.read(name) or b""
            edited[folder / name] = content, change(content.decode()).encode()
            continue
        values = authored.documents[str(key)][1].values
        while tuple(path) not in values:  # `recommendation` and `references` may be texts themselves
            path.pop()
        texts[str(key)][tuple(path)] = change
    for key, changes in texts.items():
        content = files.read(names[key]) or b""
        edited[folder / names[key]] = content, authoring.change_texts(content, changes, shown=authored.documents[key][0])
    return {path.resolve(): (was, content) for path, (was, content) in edited.items() if was != content}
