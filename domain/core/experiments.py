"""Experiments: who gets which variant of a step (C31).

The lot is drawn from the names of the experiment and of the lead, so it is the same wherever and whenever it is drawn,
and it is remembered from the moment the step is first due: a lead stays in its arm whatever becomes of the weights.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import accumulate

from domain.core.draft import Draft
from domain.core.waits import Settled
from domain.playbook.models import Experiment, Touch, TriggerTouch, Variant
from domain.words import REPLANNABLE

_PERCENT = 100
#: What is remembered of a lead that gets none of an experiment's steps.
HELD_OUT = ""


@dataclass(frozen=True, slots=True)
class Arm:
    """One lead's place in one experiment: a variant, or None for the holdout."""

    experiment: Experiment
    variant: Variant | None

    @property
    def tag(self) -> str:
        """What the ledger calls it: ``experiment:variant``."""
        return f"{self.experiment.id}:{self.variant.id}" if self.variant else ""


def arm(draft: Draft, step: str) -> Arm | None:
    """The lead's arm in the experiment on a step, drawn now if it never was; None when the lead takes part in none."""
    for experiment in draft.rules.experiments:
        if step in experiment.steps:
            remembered = _chosen_before(draft, experiment)
            if remembered is not None:
                return _remembered(experiment, remembered)
            if experiment.when is None or draft.holds(experiment.when):
                return Arm(experiment, draw(experiment, draft.state.lead))
    return None


def undrawn(draft: Draft, steps: Collection[str]) -> Iterator[Experiment]:
    """Experiments on these steps whose lot is not drawn yet."""
    for experiment in draft.rules.experiments:
        if experiment.id not in draft.state.variants and not set(steps).isdisjoint(experiment.steps):
            yield experiment


def settle(draft: Draft, of: Arm, step: Settled) -> Settled:
    """What a step of an experiment comes to: from when it is first due its arm is remembered; a holdout passes it over
    at that time, so that what follows comes when it comes to everyone else.
    """
    due = step.at <= draft.now
    if step.what == "send" and due:
        remember(draft, of)
    if step.what != "send" or of.variant is not None:
        return step
    return Settled("pass" if due else "wait", step.at, f"held out of the experiment {of.experiment.id}", "holdout")


def remember(draft: Draft, of: Arm) -> None:
    """From now on the lead stays in this arm."""
    if of.experiment.id in draft.state.variants:
        return
    chosen = of.variant.id if of.variant else HELD_OUT
    draft.change(variants={**draft.state.variants, of.experiment.id: chosen})
    what = of.experiment.label or of.experiment.id
    draft.because(of.experiment.id, f"takes part in “{what}”: {chosen or 'gets none of its steps'}", variant=chosen)


def draw(experiment: Experiment, lead: str) -> Variant | None:
    """The variant a lead gets, None for the holdout. A function of the two names, the holdout and the weights."""
    digest = sha256(f"{experiment.id}/{lead}".encode()).digest()
    if int.from_bytes(digest[:8]) % _PERCENT < experiment.holdout:
        return None
    ends = list(accumulate(variant.weight for variant in experiment.variants))
    lot = int.from_bytes(digest[8:16]) % max(ends[-1], 1)
    return next((one for one, end in zip(experiment.variants, ends, strict=True) if lot < end), experiment.variants[0])


def varied(touch: Touch, of: Arm | None) -> Touch:
    """The step as this arm gets it."""
    changes = _changes(of, "gap")
    return touch.model_copy(update=changes) if changes else touch


def varied_trigger(touch: TriggerTouch, of: Arm | None) -> TriggerTouch:
    """A trigger's touch as this arm gets it: a variant's gap is its delay."""
    changes = _changes(of, "delay")
    return touch.model_copy(update=changes) if changes else touch


def _chosen_before(draft: Draft, experiment: Experiment) -> str | None:
    """What the lead got before: in this journey, in an earlier one, or by a decision that was taken back."""
    chosen = draft.state.variants.get(experiment.id)
    if chosen is None:
        tags = (touch.variant.partition(":") for touch in draft.facts.touches if touch.status not in REPLANNABLE)
        chosen = next((variant for name, _, variant in tags if name == experiment.id), None)
    return chosen


def _remembered(experiment: Experiment, chosen: str) -> Arm | None:
    """A variant that a newer playbook no longer has counts as no experiment: nobody changes arms."""
    if chosen == HELD_OUT:
        return Arm(experiment, None)
    variant = next((one for one in experiment.variants if one.id == chosen), None)
    return Arm(experiment, variant) if variant else None


def _changes(of: Arm | None, gap: str) -> dict[str, object]:
    variant = of.variant if of else None
    if variant is None or variant.control:
        return {}
    given = {"asset": variant.asset, "channel": variant.channel, gap: variant.gap}
    return {name: value for name, value in given.items() if value is not None}
