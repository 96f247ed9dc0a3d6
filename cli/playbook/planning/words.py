"""A plan on paper."""

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import groupby

from rich.table import Table
from rich.text import Text

from authoring.show.words import Words, listed, plain
from cli.playbook.differing import tell
from cli.playbook.paper import Paper
from cli.playbook.planning.plan import Plan
from domain.core.outlook import Position
from domain.core.phases import NURTURING
from domain.planning.prospects import HORIZON, MOVING
from domain.planning.totals import Course
from domain.versions import WORDS, Policy
from domain.words import Channel, Phase

#: Most lines of one list; ``--json`` has all.
_MOST = 12
_ROWS: tuple[tuple[str, Callable[[Course], int]], ...] = (
    ("decide with the new version", lambda course: course.moved),
    ("stand elsewhere because of it", lambda course: course.elsewhere.total()),
    ("get something else, or end otherwise", lambda course: course.differ),
    ("are handed to sales", lambda course: course.handed_over),
    ("end", lambda course: course.endings.total()),
    ("hear nothing from us", lambda course: course.silent),
)


class Telling:
    """One plan, told. ``policies`` are those whose lists are shown."""

    def __init__(self, paper: Paper, plan: Plan, policies: Iterable[Policy] = MOVING) -> None:
        self._paper = paper
        self._plan = plan
        self._policies = tuple(policies)
        self._words = Words(plan.before or plan.after), Words(plan.after)

    def tell(self) -> None:
        """All of it."""
        self.headline()
        if self._plan.changes:
            self._paper.rule("What differs")
            tell(self._paper, self._plan.changes)
        if self._plan.in_flight.total:
            self._paper.rule("In flight today")
            self._today()
        self.foretold()
        for policy in self._policies:
            self._lists(policy, self._plan.totals.courses[policy])

    def headline(self) -> None:
        plan = self._plan
        if plan.unchanged:
            self._paper.line(f"{plan.after.name} {plan.replaces} is in force already: nothing would change.")
        elif plan.before is None:
            self._paper.line(f"{plan.after.name} {plan.after.content_hash()} would be its first version in force.")
        else:
            self._paper.line(f"{plan.after.name} {plan.replaces} → {plan.after.content_hash()}. Nothing was written.")

    def foretold(self) -> None:
        """The table of policies, and those whose step is gone."""
        if not self._plan.totals.journeys:
            return
        self._gone()
        self._paper.rule(f"In the next {HORIZON.days} days, if nobody did anything")
        self._paper.console.print(self._table())
        self._paper.line(self._honestly())

    def _today(self) -> None:
        versions = self._plan.in_flight.versions
        if len(versions) > 1:
            self._paper.line(f"By version: {listed(f'{version} {number:,}' for version, number in versions.items())}.")
        for place, found in groupby(sorted(self._plan.totals.today, key=self._place), key=self._place):
            there = Counter[str]()  # sales has leads of every segment: a place may be several positions
            for where in found:
                there[where.step] += self._plan.totals.today[where]
            said = ", ".join(f"{step} {number:,}" for step, number in there.most_common())
            self._counted(there.total(), Text(f"{place}: {said}"))

    def _gone(self) -> None:
        gone = self._plan.totals.gone
        if gone:
            self._paper.rule(f"Their next step is gone: {gone.total():,}")
            self._moves(gone)

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("Journeys")
        courses = self._plan.totals.courses
        for policy in courses:
            table.add_column(f"{policy.value}{' *' if policy is self._plan.default else ''}", justify="right")
        for label, number in _ROWS:
            table.add_row(label, *(f"{number(course):,}" for course in courses.values()))
        table.add_row("touches that reach them", *(f"{course.reaching:,}" for course in courses.values()), style="dim")
        return table

    def _honestly(self) -> str:
        plan = self._plan
        counted, all_ = plan.totals.journeys, plan.in_flight.total
        sample = f"Of a sample of {counted:,} of {all_:,} (seed {plan.seed}). " if plan.sampled else ""
        endless = f"{plan.totals.endless:,} could not be foretold. " if plan.totals.endless else ""
        default = f"* is what holds when none is chosen: they {WORDS[plan.default]}. "
        return f"{sample}{endless}{default}Whoever begins from now on begins with the new version in any case."

    def _lists(self, policy: Policy, course: Course) -> None:
        other = self._plan.totals.courses[Policy.PIN]
        if course.elsewhere:
            self._paper.rule(f"Who stands elsewhere: {policy.value}")
            self._moves(course.elsewhere)
        differing = [*self._touched(course, other), *self._ended(course, other)]
        if differing:
            self._paper.rule(f"What leaves instead: {policy.value}")
            self._lines(sorted(differing, key=lambda one: -one[0]))

    @staticmethod
    def _touched(course: Course, other: Course) -> list[tuple[int, str]]:
        """Each step of which more or fewer leave: how many, without → with. Its channel too, where it has several."""
        touches = course.touches | other.touches
        alike = Counter((step, asset) for step, asset, _ in touches)
        return [
            (abs(ours - theirs), f"{_labelled(touch, several=alike[touch[:2]] > 1)}: {theirs:,} → {ours:,}")
            for touch in touches
            if (ours := course.touches[touch]) != (theirs := other.touches[touch])
        ]

    @staticmethod
    def _ended(course: Course, other: Course) -> list[tuple[int, str]]:
        return [
            (abs(ours - theirs), f"end, {plain(why)}: {theirs:,} → {ours:,}")
            for why in course.endings | other.endings
            if (ours := course.endings[why]) != (theirs := other.endings[why])
        ]

    def _moves(self, moves: Counter[tuple[Position, Position]]) -> None:
        said = Counter[str]()
        for pair, number in moves.items():
            said[self._move(*pair)] += number
        self._lines([(number, words) for words, number in said.most_common()])

    def _move(self, was: Position, is_: Position) -> str:
        where, there = self._place(was, 0), self._place(is_, 1)
        return f"{where}: {was.step} → {is_.step if where == there else f'{there}: {is_.step}'}"

    def _place(self, where: Position, words: int = 0) -> str:
        """“Technical evaluators, research”; of other phases which one it is."""
        if where.phase not in NURTURING:
            return plain(where.phase)
        who = self._words[words].segment(where.segment) if where.segment else "nobody's segment yet"
        return f"{who}, {'re-engagement' if where.phase is Phase.RE_ENGAGEMENT else plain(where.stage)}"

    def _lines(self, lines: list[tuple[int, str]]) -> None:
        for number, words in lines[:_MOST]:
            self._counted(number, Text(words))
        if len(lines) > _MOST:
            self._paper.line(f"{'':>8}  … {len(lines) - _MOST:,} more: --json has all.", style="dim")

    def _counted(self, number: int, words: Text) -> None:
        self._paper.labelled(f"{number:,}", words, width=10)


def _labelled(touch: tuple[str, str, Channel], *, several: bool) -> str:
    step, asset, channel = touch
    return step + (f" ({asset})" if asset else "") + (f" by {plain(channel)}" if several else "")
