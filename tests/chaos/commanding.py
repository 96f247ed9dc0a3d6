"""Operators: one command to one lead, or to many, under an id that is sent again until it is answered."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx

from tests.chaos.insisting import Insisting
from tests.chaos.told import Ordered, Told

_KINDS = {"pause": 3, "resume": 3, "skip_wait": 5, "force_stage": 3, "hand_off": 2, "rewind": 3, "resend": 3}
_STAGES = ("problem_awareness", "research", "comparison")
#: One in so many is given up when its first try is not answered.
_GIVEN_UP = 8
_MANY = ("pause", "resume", "skip_wait", "force_stage")
_OK, _ACCEPTED = 200, 202


@dataclass
class Operator:
    """Commands leads at random, and resumes those that it has paused."""

    name: str
    told: Told
    http: Insisting
    draw: Random
    sent: int = 0
    paused: list[str] = field(default_factory=list)

    async def command(self) -> None:
        kind = self.draw.choices(list(_KINDS), list(_KINDS.values()))[0]
        lead = self._whom(kind)
        body = await self._body(kind, lead) if lead else None
        if body is None:
            return
        self.sent += 1
        order = Ordered(f"command-{self.name}-{self.sent}", lead, kind)
        self.told.commands.append(order)
        answer = await self.http.ask(
            "POST",
            f"/v1/leads/{lead}/commands/{kind}",
            json=body,
            headers={"Idempotency-Key": order.id},
            tries=1 if self.sent % _GIVEN_UP == 0 else 0,
        )
        self._note(order, answer)

    def _note(self, order: Ordered, answer: httpx.Response | None) -> None:
        if answer is None:
            return
        if answer.status_code != _OK:
            order.refused = answer.json().get("title", answer.text)
            return
        order.decision = answer.json()["result"]["decision"]
        if order.kind == "pause":
            self.paused.append(order.lead)

    def _whom(self, kind: str) -> str:
        if kind == "resume" and self.paused:
            return self.paused.pop(0)
        known = self.told.enrolled()
        return self.draw.choice(known).lead if known else ""

    async def _body(self, kind: str, lead: str) -> dict[str, Any] | None:
        """What goes with the command; None when there is nothing to do it to."""
        if kind == "force_stage":
            return {"stage": self.draw.choice(_STAGES)}
        if kind == "resume":
            return {"policy": self.draw.choice(("shift", "skip", "catch_up"))}
        if kind in ("rewind", "resend"):
            answer = await self.http.ask("GET", f"/v1/leads/{lead}/journey", tries=3)
            return _of_story(kind, answer.json(), self.draw) if answer is not None and answer.is_success else None
        return {}

    async def operate(self) -> None:
        """Command some dozen at once. It is asked for once: nobody knows whether an unanswered one began."""
        kind, known = self.draw.choice(_MANY), self.told.enrolled()
        leads = [person.lead for person in self.draw.sample(known, min(len(known), 25))]
        body: dict[str, Any] = {"kind": kind, "leads": leads, "rate": 20, "reason": "chaos"}
        if kind == "force_stage":
            body["stage"] = self.draw.choice(_STAGES)
        answer = await self.http.ask("POST", "/v1/operations", json=body, tries=1)
        if answer is not None and answer.status_code == _ACCEPTED:
            self.told.operations.append(answer.json()["operation"]["id"])


def _of_story(kind: str, story: dict[str, Any], draw: Random) -> dict[str, Any] | None:
    if kind == "rewind":
        numbers = [one["number"] for one in story["decisions"] if not one.get("superseded")]
        return {"to_decision": max(0, max(numbers) - draw.randint(1, 5))} if numbers else None
    sent = [touch["key"] for touch in story["touches"] if touch["status"] == "sent" and touch["channel"] == "email"]
    return {"touch": draw.choice(sent)} if sent else None
