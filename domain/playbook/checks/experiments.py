"""Experiments compare something, on steps that are theirs alone."""

from collections.abc import Iterator

from domain.playbook.checks.finding import Finding, Path, warning
from domain.playbook.checks.references import steps
from domain.playbook.models import Experiment, Playbook
from domain.words import DIRECT_CHANNELS


def check_experiments(document: Playbook) -> Iterator[Finding]:
    owner: dict[str, str] = {}
    bare = {name for name, touch in steps(document).items() if touch.asset is None}
    for index, experiment in enumerate(document.experiments):
        for number, step in enumerate(experiment.steps):
            if step in owner:
                message = (
                    f"“{step}” is in the experiment “{owner[step]}” already; nobody could tell which had an effect"
                )
                yield Finding(("experiments", index, "steps", number), "experiment", message)
            owner.setdefault(step, experiment.id)
        yield from _check_variants(("experiments", index), experiment)
        for number, variant in enumerate(experiment.variants):
            path: Path = ("experiments", index, "variants", number, "channel")
            without = sorted(bare.intersection(experiment.steps))
            if without and variant.channel in DIRECT_CHANNELS and variant.asset is None:
                message = f"“{without[0]}” has no asset, so a variant by {variant.channel} needs one"
                yield Finding(path, "asset", message)


def _check_variants(path: Path, experiment: Experiment) -> Iterator[Finding]:
    if not any(variant.weight for variant in experiment.variants):
        yield Finding((*path, "variants"), "experiment", "nobody gets any variant: every weight is 0")
    controls = [variant.id for variant in experiment.variants if variant.control]
    if len(controls) != 1:
        there = f"{', '.join(controls)} change nothing" if controls else "every variant changes something"
        message = f"{there}: exactly one, the control, should, so that the others are compared with what is sent today"
        yield warning((*path, "variants"), "control", message)
