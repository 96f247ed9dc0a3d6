"""Experiments compare something, on steps that are theirs alone."""

from collections.abc import Iterator

from domain.playbook.checks.finding import Finding, Path, warning
from domain.playbook.checks.references import steps
from domain.playbook.models import Experiment, Playbook, Variant
from domain.words import DIRECT_CHANNELS


def check_experiments(document: Playbook) -> Iterator[Finding]:
    owner: dict[str, str] = {}
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
            yield from _check_channel(document, ("experiments", index, "variants", number), experiment, variant)


def _check_variants(path: Path, experiment: Experiment) -> Iterator[Finding]:
    if not any(variant.weight for variant in experiment.variants):
        yield Finding((*path, "variants"), "experiment", "nobody gets any variant: every weight is 0")
    controls = [variant.id for variant in experiment.variants if variant.control]
    if len(controls) != 1:
        there = f"{', '.join(controls)} change nothing" if controls else "every variant changes something"
        message = f"{there}: exactly one, the control, should, so that the others are compared with what is sent today"
        yield warning((*path, "variants"), "control", message)


def _check_channel(document: Playbook, path: Path, experiment: Experiment, variant: Variant) -> Iterator[Finding]:
    """Another channel may need content that the step has not."""
    known = steps(document)
    bare = [name for name in experiment.steps if name in known and known[name].asset is None]
    if variant.channel in DIRECT_CHANNELS and variant.asset is None and bare:
        message = f"“{bare[0]}” has no asset, so a variant by {variant.channel} needs one"
        yield Finding((*path, "channel"), "asset", message)
