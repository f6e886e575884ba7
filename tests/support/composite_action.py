"""Runs the steps of a composite GitHub Action on this machine: inputs, expressions, `if`, `env`, outputs and the path.

Only what `action.yml` uses is known; anything else is an error, so that a test never runs less than GitHub would. Steps of
other actions are not run: their inputs are evaluated and kept.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

Outcome = Literal["success", "failure", "skipped"]

_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}")
_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<operator>&&|\|\||==|!=|!|\(|\))|(?P<name>[A-Za-z_][\w.-]*))")


@dataclass(frozen=True)
class StepRun:
    """The result of a step."""

    outcome: Outcome
    code: int = 0
    stdout: str = ""
    stderr: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """`with` of a step that uses another action."""


@dataclass(frozen=True)
class ActionRun:
    """The result of the action."""

    steps: Mapping[str, StepRun]
    """By name, in order."""
    outputs: Mapping[str, str]
    summary: str
    """The Markdown of the job's page."""

    @property
    def is_failed(self) -> bool:
        """True when the job fails."""
        return any(step.outcome == "failure" for step in self.steps.values())


class CompositeAction:
    """A composite action in a folder that stands for the workspace of a job."""

    def __init__(self, path: Path, workspace: Path, environment: Mapping[str, str], inputs: Mapping[str, str]) -> None:
        """`environment` are the variables of the job; `inputs` what the workflow gives with `with`."""
        self._action: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
        unknown = inputs.keys() - self._action["inputs"].keys()
        assert not unknown, f"the action has no inputs {unknown}"
        self._workspace = workspace
        self._environment = dict(environment)
        self._values = {"github.action_path": str(path.parent), "github.token": environment.get("TOKEN_OF_JOB", "")}
        self._values |= {
            f"inputs.{name}": str(inputs.get(name, given.get("default", ""))) for name, given in self._action["inputs"].items()
        }
        self._is_failed = False
        self._summary = workspace.parent / "github_step_summary"
        self._summary.unlink(missing_ok=True)

    @property
    def steps(self) -> dict[str, dict[str, Any]]:
        """The steps by name."""
        return {step["name"]: step for step in self._action["runs"]["steps"]}

    def run(self) -> ActionRun:
        """Run all steps as a job would: after a failure only those whose condition says so."""
        runs = {name: self._run_in_order(step) for name, step in self.steps.items()}
        outputs = self._action.get("outputs", {})
        summary = self._summary.read_text() if self._summary.exists() else ""
        return ActionRun(runs, {name: self.expand(output["value"]) for name, output in outputs.items()}, summary)

    def run_step(self, name: str) -> StepRun:
        """Run one step, whatever its condition."""
        return self._run_script(self.steps[name])

    def expand(self, text: str) -> str:
        """Return a text with its expressions evaluated. An output that no step has set is empty."""
        return _EXPRESSION.sub(lambda match: str(self._evaluate(match[1])), text)

    def _run_in_order(self, step: Mapping[str, Any]) -> StepRun:
        condition = str(step.get("if", "success()"))
        source = match[1] if (match := _EXPRESSION.fullmatch(condition.strip())) else condition
        # Without a status function a condition holds only if nothing has failed.
        if not re.search(r"\b(?:success|failure|always|cancelled)\(\)", source):
            source = f"success() && ({source})"
        if self._evaluate(source) in ("", False):
            return StepRun("skipped")
        run = self._run_script(step) if "run" in step else StepRun("success", inputs=self._expand_all(step.get("with", {})))
        self._is_failed |= run.outcome == "failure"
        return run

    def _run_script(self, step: Mapping[str, Any]) -> StepRun:
        assert step["shell"] == "bash", step
        output, path = self._workspace.parent / "github_output", self._workspace.parent / "github_path"
        output.write_text("")
        path.write_text("")
        files = {"GITHUB_OUTPUT": str(output), "GITHUB_PATH": str(path), "GITHUB_STEP_SUMMARY": str(self._summary)}
        given = {**files, **self._expand_all(step.get("env", {}))}
        # Source: GitHub, "Workflow syntax", jobs.<job_id>.steps[*].shell.
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", self.expand(step["run"])]
        ran = subprocess.run(
            command, cwd=self._workspace, env=self._environment | given, capture_output=True, text=True, check=False
        )
        for line in output.read_text().splitlines():
            name, equals, value = line.partition("=")
            assert equals, f"not a line of GITHUB_OUTPUT: {line!r}"
            self._values[f"steps.{step['id']}.outputs.{name}"] = value
        added = path.read_text().splitlines()
        self._environment["PATH"] = os.pathsep.join([*reversed(added), self._environment["PATH"]])
        return StepRun("failure" if ran.returncode else "success", ran.returncode, ran.stdout, ran.stderr)

    def _expand_all(self, values: Mapping[str, Any]) -> dict[str, str]:
        return {name: self.expand(str(value)) for name, value in values.items()}

    def _evaluate(self, source: str) -> str | bool:
        tokens = list(_tokenize(source))
        value = self._any_of(tokens)
        assert not tokens, f"not read in {source!r}: {tokens}"
        return value

    def _any_of(self, tokens: list[str]) -> str | bool:
        return self._joined(tokens, "||", self._all_of, stop=bool)

    def _all_of(self, tokens: list[str]) -> str | bool:
        return self._joined(tokens, "&&", self._comparison, stop=lambda value: not value)

    def _joined(
        self,
        tokens: list[str],
        operator: str,
        operand: Callable[[list[str]], str | bool],
        *,
        stop: Callable[[str | bool], bool],
    ) -> str | bool:
        value = operand(tokens)
        while tokens[:1] == [operator]:
            del tokens[0]
            other = operand(tokens)
            value = value if stop(value) else other
        return value

    def _comparison(self, tokens: list[str]) -> str | bool:
        value = self._operand(tokens)
        if tokens[:1] in (["=="], ["!="]):
            operator = tokens.pop(0)
            # GitHub ignores case when it compares texts.
            is_equal = str(value).casefold() == str(self._operand(tokens)).casefold()
            return is_equal == (operator == "==")
        return value

    def _operand(self, tokens: list[str]) -> str | bool:
        token = tokens.pop(0)
        if token == "!":
            return not self._operand(tokens)
        if token == "(":
            value = self._any_of(tokens)
            assert tokens.pop(0) == ")"
            return value
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        if tokens[:2] == ["(", ")"]:
            del tokens[:2]
            return {"success": not self._is_failed, "failure": self._is_failed, "always": True, "cancelled": False}[token]
        if token.startswith("steps."):
            return self._values.get(token, "")
        return self._values[token]


def _tokenize(source: str) -> Iterator[str]:
    position = 0
    source = source.strip()
    while position < len(source):
        match = _TOKEN.match(source, position)
        assert match is not None, f"no expression: {source!r}"
        yield match[0].strip()
        position = match.end()
