"""What scenarios came to: for people as a test runner says it, for programs as JSON, annotations or JUnit's XML."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any
from xml.etree import ElementTree as ET

from rich.text import Text
from typer import echo

from authoring.problems import Problem
from authoring.scenarios.run import Result
from authoring.scenarios.verdict import Verdict
from authoring.scenarios.wording import day_words
from cli.output import print_json
from cli.playbook.check import annotation
from cli.playbook.paper import Paper
from domain.core.simulate import Step
from domain.decision import Rejected

#: Width of the labels beside a failure.
_BESIDE = 12


@dataclass
class Report:
    """A run under way: results come as they are asked for, and are kept."""

    directory: Path
    problems: list[Problem]
    running: Iterator[Result]
    results: list[Result] = field(default_factory=list)
    seconds: float = 0

    def run(self) -> Iterator[Result]:
        began = perf_counter()
        for result in self.running:
            self.results.append(result)
            self.seconds = perf_counter() - began
            yield result

    @property
    def failed(self) -> list[Result]:
        return [result for result in self.results if not result.held]

    def place(self, result: Result, *path: str | int) -> str:
        return f"{self.directory / result.placed.file}:{result.placed.line(*path)}"

    def failures(self, result: Result) -> Iterator[tuple[int, Verdict]]:
        """Line and verdict of every expectation that did not hold."""
        for number, verdict in enumerate(result.verdicts):
            if not verdict.held:
                yield result.placed.line("expect", number), verdict

    @property
    def summary(self) -> str:
        expectations = sum(len(result.verdicts) for result in self.results)
        lost = sum(not verdict.held for result in self.results for verdict in result.verdicts)
        broken = sum(problem.severity == "error" for problem in self.problems)
        said = [f"{_many(len(self.results), 'scenario')}, {_many(expectations, 'expectation')}"]
        if self.results:
            said.append(f"{len(self.failed)} failed ({_many(lost, 'expectation')})" if self.failed else "all held")
        else:
            said = ["no scenario was run"]
        if broken:
            said.append(f"{_many(broken, 'problem')} in the files")
        return f"{'; '.join(said)}; {self.seconds:.2f} s."


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


# --- for people ----------------------------------------------------------------------------------------------------


def as_text(report: Report, *, verbose: bool) -> None:
    """Progress as it goes, then what failed and why, then one line."""
    paper = Paper()
    for problem in report.problems:
        placed = f"{report.directory / problem.file}{str(problem).removeprefix(problem.file)}"
        paper.place(placed, "yellow" if problem.severity == "warning" else "red")
    _progress(paper, report, verbose=verbose)
    for result in report.results:
        for line, note in result.notes:
            paper.place(f"{report.directory / result.placed.file}:{line}: warning: {note}", "yellow")
        if not result.held:
            _failure(paper, report, result)
    bad = bool(report.failed) or any(problem.severity == "error" for problem in report.problems)
    paper.line(report.summary, "bold red" if bad else "bold green")


def _progress(paper: Paper, report: Report, *, verbose: bool) -> None:
    """A line a file with a dot for each scenario; with ``verbose`` every scenario and expectation."""
    file = ""
    for result in report.run():
        if result.placed.file != file:
            paper.part(f"{chr(10) if file and not verbose else ''}{result.placed.file}{chr(10) if verbose else ' '}")
            file = result.placed.file
        if verbose:
            _each(paper, result)
        else:
            paper.part("." if result.held else "F", "green" if result.held else "bold red")
    if report.results:
        paper.line("" if verbose else "\n")


def _each(paper: Paper, result: Result) -> None:
    title = f"{result.placed.scenario.scenario} ({_many(result.decisions, 'decision')})"
    _marked(paper, 8, Text(title), held=result.held)
    for verdict in result.verdicts:
        _marked(paper, 12, Text(verdict.expected, style="dim" if verdict.held else ""), held=verdict.held)


def _marked(paper: Paper, width: int, text: Text, *, held: bool) -> None:
    paper.labelled("ok" if held else "FAIL", text, width=width, style="green" if held else "bold red")


def _failure(paper: Paper, report: Report, result: Result) -> None:
    paper.line(Text.assemble(("FAIL ", "bold red"), (result.placed.scenario.scenario, "bold")))
    if result.endless:
        paper.place(f"  {report.place(result)}: {result.endless}")
    for line, verdict in report.failures(result):
        paper.place(f"  {report.directory / result.placed.file}:{line}", "cyan")
        paper.labelled("expected", Text(verdict.expected), width=_BESIDE)
        paper.labelled("instead", Text(verdict.instead, style="red"), width=_BESIDE)
        for step in verdict.near:
            _decision(paper, step, verdict, result)
    paper.line()


def _decision(paper: Paper, step: Step, verdict: Verdict, result: Result) -> None:
    decision = step.decision
    day = day_words(decision.at, result.placed.scenario.start)
    paper.labelled(f"#{decision.state.number}", Text.assemble((f"{day}: ", "dim"), decision.title), width=_BESIDE)
    for rejected in _about(step, verdict):
        paper.labelled("", Text(f"not {said(rejected)}", style="dim"), width=_BESIDE + 2)


def _about(step: Step, verdict: Verdict) -> list[Rejected]:
    """What the decision rejected: what the expectation is about, or else the first that it says."""
    rejected = step.decision.rejected
    return [one for one in rejected if {one.what, one.rule} & verdict.about] or list(rejected[:1])


def said(rejected: Rejected) -> str:
    until = f", until {rejected.until:%a %d %b %H:%M} UTC" if rejected.until else ""
    return f"{rejected.what}: {rejected.why} [{rejected.rule}]{until}"


# --- for programs --------------------------------------------------------------------------------------------------


def as_json(report: Report) -> None:
    items = [_item(result) for result in report.run()]
    print_json(
        {
            "total": len(items),
            "failed": len(report.failed),
            "items": items,
            "problems": [_problem(one) for one in report.problems],
        }
    )


def _problem(problem: Problem) -> dict[str, Any]:
    return {name: getattr(problem, name) for name in ("file", "line", "column", "rule", "message", "severity")}


def _item(result: Result) -> dict[str, Any]:
    verdicts = enumerate(result.verdicts)
    expectations = [
        {
            "line": result.placed.line("expect", number),
            "expected": verdict.expected,
            "held": verdict.held,
            "instead": verdict.instead,
            "decisions": [step.decision.state.number for step in verdict.near],
        }
        for number, verdict in verdicts
    ]
    return {
        "file": result.placed.file,
        "line": result.placed.line(),
        "scenario": result.placed.scenario.scenario,
        "held": result.held,
        "endless": result.endless,
        "decisions": result.decisions,
        "notes": [{"line": line, "message": note} for line, note in result.notes],
        "seconds": round(result.seconds, 4),
        "expectations": expectations,
    }


def as_github(report: Report) -> None:
    """Annotations of a pull request: https://docs.github.com/actions/reference/workflow-commands-for-github-actions."""
    for problem in report.problems:
        echo(annotation(report.directory, problem))
    for result in report.run():
        for line, note in result.notes:
            echo(annotation(report.directory, Problem(result.placed.file, line, 1, "note", note, "warning")))
        title = result.placed.scenario.scenario
        for line, said in _all_failures(report, result):
            echo(annotation(report.directory, Problem(result.placed.file, line, 1, title, said)))
    echo(report.summary)


def _all_failures(report: Report, result: Result) -> Iterator[tuple[int, str]]:
    if result.endless:
        yield result.placed.line(), result.endless
    for line, verdict in report.failures(result):
        yield line, f"Expected: {verdict.expected}. Instead: {verdict.instead}."


def as_junit(report: Report) -> None:
    """The XML that CI servers read: a test case for each scenario; a broken file is an error."""
    suite = ET.Element("testsuite", name=str(report.directory))
    for result in report.run():
        place = {"classname": result.placed.file, "name": result.placed.scenario.scenario}
        case = ET.SubElement(suite, "testcase", place, time=f"{result.seconds:.4f}")
        for line, message in _all_failures(report, result):
            failure = ET.SubElement(case, "failure", message=message)
            failure.text = f"{report.directory / result.placed.file}:{line}"
    for problem in (one for one in report.problems if one.severity == "error"):
        case = ET.SubElement(suite, "testcase", classname=problem.file, name=problem.rule)
        ET.SubElement(case, "error", message=problem.message).text = str(problem)
    errors = sum(problem.severity == "error" for problem in report.problems)
    suite.attrib |= {"tests": str(len(suite)), "failures": str(len(report.failed)), "errors": str(errors)}
    ET.indent(suite)
    echo(ET.tostring(suite, encoding="unicode", xml_declaration=True))
