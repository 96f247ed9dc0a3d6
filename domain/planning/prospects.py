"""One journey, foretold without the change and with it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.core.decide import version_in_force
from domain.core.outlook import Outlook, Position, Standing, outlook, position
from domain.facts import OperatorCommand
from domain.playbook.compiled import CompiledPlaybook
from domain.versions import Policy
from domain.words import CommandKind

#: How far ahead a change is foretold.
HORIZON = timedelta(days=14)
#: What moves a journey in flight. Under ``PIN`` none is moved: what becomes of it then is what becomes of it anyway.
MOVING = (Policy.FOLLOW, Policy.MIGRATE)


@dataclass(frozen=True, slots=True)
class Prospect:
    """``today`` is where the journey stands, ``without`` what becomes of it without the change.

    ``under`` has what becomes of it under each policy that would move it in time, and ``moves`` where it would stand
    after its first decision with the new version, beside where the old one would have it at that moment.
    """

    today: Position
    without: Outlook
    under: Mapping[Policy, Outlook]
    moves: Mapping[Policy, tuple[Position, Position]]

    def outlook(self, policy: Policy) -> Outlook:
        return self.under.get(policy, self.without)

    def differs(self, policy: Policy) -> bool:
        """Whether something else reaches the lead, or sales, or it ends otherwise."""
        ours, theirs = self.outlook(policy), self.without
        sent = Counter(ours.touches) != Counter(theirs.touches)
        return sent or ours.ending != theirs.ending or len(ours.handoffs) != len(theirs.handoffs)


@dataclass(frozen=True, slots=True)
class Change:
    """The versions of a change: ``before`` is the one in force now ("" for none), ``versions`` all that journeys run.

    Nobody's ``now`` is later than another's: all are foretold from the same moment.
    """

    before: str
    after: CompiledPlaybook
    versions: Mapping[str, CompiledPlaybook]
    now: datetime

    def prospect(self, standing: Standing) -> Prospect:
        """Raises ``RuntimeError`` where decisions would follow each other without end."""
        version = version_in_force(self.versions[standing.state.playbook], standing.facts)
        own = self.versions[version]
        until = self.now + HORIZON
        today = position(own, standing.state, standing.facts, self.now)
        without = outlook(own, standing, self.now, until)
        if own.hash == self.after.hash or standing.state.ended:
            return Prospect(today, without, {}, {})
        under, beside = {}, {}
        if version == self.before:
            under[Policy.FOLLOW], beside[Policy.FOLLOW] = outlook(self.after, standing, self.now, until), without
        at_once = Standing(standing.state, standing.facts, self.now)
        under[Policy.MIGRATE] = outlook(self.after, standing, self.now, until, (self._command(),))
        beside[Policy.MIGRATE] = outlook(own, at_once, self.now, self.now)
        under = {policy: found for policy, found in under.items() if found.first is not None}
        moves = {policy: _move(beside[policy], found, today) for policy, found in under.items()}
        return Prospect(today, without, under, moves)

    def _command(self) -> OperatorCommand:
        return OperatorCommand(id="plan", kind=CommandKind.MIGRATE, playbook=self.after.hash)


def _move(without: Outlook, ours: Outlook, today: Position) -> tuple[Position, Position]:
    return without.first or today, ours.first or today
