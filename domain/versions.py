"""What becomes of journeys in flight when another version of their playbook is put in force (decision record 21)."""

from enum import StrEnum


class Policy(StrEnum):
    """Chosen with each change, and kept with it. Whoever begins afterwards begins with the new version in any case."""

    PIN = "pin"  # they stay with the version they run
    FOLLOW = "follow"  # those of the version that was in force go on with the new one at their next decision
    MIGRATE = "migrate"  # all of the playbook go on with it, now, at a rate


#: What each policy means, in a sentence's end: “journeys in flight …”.
WORDS = {
    Policy.PIN: "stay with the version they run",
    Policy.FOLLOW: "go on with it at their next decision",
    Policy.MIGRATE: "move to it now, one after another",
}
