"""One value of a YAML file set, everything else as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from findings_report.authoring import set_text
from findings_report.authoring.yaml_reader import read
from findings_report.problems import FindingsReportError

COMMIT = "fb3f71806174bc2fae7e421268aeee61be36412d"
PATH = ("repositories", "app", "commit")


def pinned(text: str) -> str:
    return set_text(text.encode(), PATH, COMMIT, shown="engagement.yaml").decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "repositories:\n  app:\n    url: x  # the clone\n    revision: v1\n\n# more\ntitle: y\n",
            'repositories:\n  app:\n    url: x  # the clone\n    revision: v1\n    commit: "HASH"\n\n# more\ntitle: y\n',
        ),
        ("repositories: {app: {revision: v1}} # c\n", 'repositories: {app: {revision: v1, commit: "HASH"}} # c\n'),
        ("repositories:\n  app:\n    commit: abc # old\n", "repositories:\n  app:\n    commit: HASH # old\n"),
        ("repositories:\n  app:\n    commit: 'abc'\n", "repositories:\n  app:\n    commit: 'HASH'\n"),
        ("repositories:\n  app:\n    commit:\n    url: x\n", 'repositories:\n  app:\n    commit: "HASH"\n    url: x\n'),
        ("repositories:\n  app:\n    url: x", 'repositories:\n  app:\n    url: x\n    commit: "HASH"'),
        ("repositories:\r\n  app:\r\n    url: x\r\n", 'repositories:\r\n  app:\r\n    url: x\r\n    commit: "HASH"\r\n'),
        ("\ufeffrepositories:\n  app: {url: x}\n", '\ufeffrepositories:\n  app: {url: x, commit: "HASH"}\n'),
        (
            'title: "a\\u2028b"\nrepositories:\n  app:\n    url: x\n# c\n',
            'title: "a\\u2028b"\nrepositories:\n  app:\n    url: x\n    commit: "HASH"\n# c\n',
        ),
        (
            "repositories:\n  app:\n    url: |\n      x\n    # tail\n  other:\n    url: y\n",
            'repositories:\n  app:\n    url: |\n      x\n    commit: "HASH"\n    # tail\n  other:\n    url: y\n',
        ),
    ],
)
def test_only_the_value_changes(before: str, after: str) -> None:
    assert pinned(before) == after.replace("HASH", COMMIT)


def test_what_cannot_be_edited_with_certainty_is_left_alone() -> None:
    with pytest.raises(FindingsReportError, match="cannot be set here"):
        pinned("repositories:\n  app: {}\n")


@given(
    st.dictionaries(st.sampled_from(["url", "revision", "web", "path"]), st.text("ab #:'\"\\\n", max_size=8), min_size=1),
    st.sampled_from(["block", "flow", "quoted"]),
    st.booleans(),
)
def test_after_an_edit_the_document_differs_in_that_value_alone(fields: dict[str, str], style: str, tail: bool) -> None:
    def quoted(value: str) -> str:
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'

    if style == "block":
        inner = "\n" + "".join(f"    {name}: |2\n      x{value!r}\n    # c\n" for name, value in fields.items())
    elif style == "flow":
        inner = " {" + ", ".join(f"{name}: {quoted(value)}" for name, value in fields.items()) + "}\n"
    else:
        inner = "\n" + "".join(f"    {name}: {quoted(value)} # c\n" for name, value in fields.items())
    text = f"repositories:\n  app:{inner}" + ("title: z\n" if tail else "")

    after = read(pinned(text).encode()).data

    assert after["repositories"]["app"].pop("commit") == COMMIT
    assert after == read(text.encode()).data
