"""Fit and intent, 0–100 each, kept apart (C14).

Fit is the sum of the playbook's rules over attributes. Intent is the sum of behaviour points, each halved every
half-life, each group held under its cap. Both are functions of the facts and the time: nothing is accumulated, so a
retracted behaviour or a changed rule simply counts from the next decision on.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from domain.decision import Contribution, Scores
from domain.facts import Facts
from domain.playbook.compiled import CompiledPlaybook
from domain.playbook.conditions import ABSENT, Level
from domain.playbook.fields import typed
from domain.playbook.hits import Hit
from domain.playbook.models import Intent


def entry_scores(playbook: CompiledPlaybook, facts: Facts, now: datetime) -> Scores:
    """The scores a lead would enter with at ``now``."""
    hits = playbook.matcher.hits(facts.behaviours)
    return scores(playbook, attributes(playbook, facts), hits, started=now, now=now, counts=playbook.counts(hits, now))


def scores(
    playbook: CompiledPlaybook,
    lead: Mapping[str, Any],
    hits: Iterable[Hit],
    *,
    started: datetime | None,
    now: datetime,
    counts: Mapping[str, int],
) -> Scores:
    """Scores with every contribution. ``lead`` is what ``attributes`` gives; ``counts`` the behaviour variables.

    ``started`` is when the journey began; None when what was known at entry counts no longer (sales said no since).
    """
    early = {**lead, **counts}
    rules = playbook.document.scoring
    answers = playbook.scoring.answers(early)

    def holds(when: str) -> bool:
        return answers[when] if when in answers else playbook.condition(when, Level.SCORING).holds(early)

    fit_parts = [
        Contribution(rule=rule.id, points=rule.points, text="fit") for rule in rules.fit.rules if holds(rule.when)
    ]
    fit = _clamp(rules.fit.base + sum(part.points for part in fit_parts))
    entry = [
        Contribution(
            rule=rule.id,
            points=round(rule.points * _left(rules.intent.half_life, started, now), 2),
            text="known at entry",
        )
        for rule in rules.intent.entry
        if started is not None and holds(rule.when)
    ]
    intent_parts = [*entry, *_behaviour_parts(rules.intent, hits, now)]
    return Scores(
        fit=fit,
        intent=_clamp(sum(part.points for part in intent_parts)),
        grade=_grade(rules.fit.grades, fit),
        contributions=tuple(part for part in (*fit_parts, *intent_parts) if abs(part.points) >= 0.5),  # noqa: PLR2004 half a point is the least that shows
    )


def attributes(playbook: CompiledPlaybook, facts: Facts, rejections: Sequence[str] = ()) -> dict[str, Any]:
    """The ``lead.*``, ``account.*``, ``sales.*`` and ``known`` variables.

    A value of the wrong type counts as unknown.
    """
    values: dict[str, Any] = {}
    known = []
    for name, field in playbook.document.lead_fields.items():
        value = typed(facts.lead.fields.get(name), field.type)
        if value is not None:
            known.append(name)
        values[f"lead.{name}"] = ABSENT[field.type] if value is None else value
    lead, account = facts.lead, facts.account
    return values | {
        "known": sorted(known),
        "lead.has_email": lead.has_email,
        "lead.email_domain": lead.email_domain,
        "lead.country": lead.country,
        "lead.source": lead.source,
        "account.leads": account.leads,
        "account.active_leads_30d": account.active_leads_30d,
        "account.open_opportunity": account.open_opportunity,
        "sales.rejections": list(rejections),
    }


def _behaviour_parts(intent: Intent, hits: Iterable[Hit], now: datetime) -> list[Contribution]:
    """One contribution per behaviour, scaled down where its group's cap is reached."""
    by_name: dict[str, list[Hit]] = {}
    for hit in hits:
        if hit.match.points and not hit.match.of_opens:
            by_name.setdefault(hit.name, []).append(hit)
    groups: dict[str, dict[str, float]] = {}
    for name, of in by_name.items():
        rule = of[0].match
        half_life = rule.half_life or intent.half_life
        worth = sum([_left(half_life, hit.at, now) for hit in _that_give_points(of)])
        groups.setdefault(rule.group or "", {})[name] = rule.points * worth
    parts = []
    for group, members in sorted(groups.items()):
        total, cap = sum(members.values()), intent.caps.get(group)
        scale = cap / total if cap is not None and total > cap else 1.0
        text = f"group {group} held at {cap}" if scale < 1 else ""
        parts += [Contribution(rule=name, points=round(value * scale, 2), text=text) for name, value in members.items()]
    return parts


def _that_give_points(hits: list[Hit]) -> list[Hit]:
    """Of the hits of one behaviour, those without the repeats that the playbook says give none."""
    rule = hits[0].match
    if not (rule.once_per or rule.most):
        return hits
    given: list[Hit] = []
    for hit in sorted(hits, key=lambda one: one.at):
        if not (rule.once_per and given and hit.at < given[-1].at + rule.once_per):
            given.append(hit)
    return given[-rule.most :] if rule.most else given


def _left(half_life: timedelta, since: datetime, now: datetime) -> float:
    """The part of the points that is left: it halves every half-life; with a half-life of nothing all stays."""
    return 0.5 ** max((now - since) / half_life, 0.0) if half_life else 1.0


def _grade(grades: Mapping[str, int], fit: int) -> str:
    return next((letter for letter, least in sorted(grades.items(), key=lambda item: -item[1]) if fit >= least), "")


def _clamp(value: float) -> int:
    return max(0, min(100, round(value)))
