"""Invented rows in the columns of the education export, for tests that need the shape but not the people.

Nothing is copied from real rows: values are drawn from the columns' vocabularies with rough weights, and the outcome is
drawn from a chance that rises with what a person would expect (work, recommendation, time on the site).
"""

import csv
import random
from pathlib import Path
from uuid import UUID

COLUMNS = (
    "Prospect ID", "Lead Number", "Lead Origin", "Lead Source", "Do Not Email", "Do Not Call", "Converted",
    "TotalVisits", "Total Time Spent on Website", "Page Views Per Visit", "Last Activity", "Country", "Specialization",
    "How did you hear about X Education", "What is your current occupation",
    "What matters most to you in choosing a course", "Search", "Magazine", "Newspaper Article", "X Education Forums",
    "Newspaper", "Digital Advertisement", "Through Recommendations", "Receive More Updates About Our Courses", "Tags",
    "Lead Quality", "Update me on Supply Chain Content", "Get updates on DM Content", "Lead Profile", "City",
    "Asymmetrique Activity Index", "Asymmetrique Profile Index", "Asymmetrique Activity Score",
    "Asymmetrique Profile Score", "I agree to pay the amount through cheque", "A free copy of Mastering The Interview",
    "Last Notable Activity", "",
)  # fmt: skip

_ORIGINS = {"Landing Page Submission": 53, "API": 39, "Lead Add Form": 8, "Lead Import": 1}
_SOURCES = {
    "Landing Page Submission": {"Google": 45, "Direct Traffic": 45, "Organic Search": 10, "Facebook": 1},
    "API": {"Olark Chat": 50, "Google": 30, "Organic Search": 20, "bing": 1},
    "Lead Add Form": {"Reference": 75, "Welingak Website": 20, "": 5},
    "Lead Import": {"Facebook": 100},
}
_ACTIVITIES = {
    "Email Opened": 38, "SMS Sent": 30, "Olark Chat Conversation": 11, "Page Visited on Website": 7,
    "Converted to Lead": 5, "Email Link Clicked": 3, "Form Submitted on Website": 1, "Unreachable": 1, "": 1,
}  # fmt: skip
_TURNED_AWAY = {"Email Bounced": 42, "Unsubscribed": 8, "Email Opened": 35, "SMS Sent": 15}
_OCCUPATIONS = {"Unemployed": 60, "": 29, "Working Professional": 8, "Student": 2, "Other": 1}
_SUBJECTS = {"Select": 21, "": 16, "Finance Management": 20, "Marketing Management": 20, "Business Administration": 23}
_COUNTRIES = {"India": 70, "": 27, "United States": 1, "United Arab Emirates": 1, "unknown": 1}
_CITIES = {"Mumbai": 35, "Select": 24, "": 15, "Thane & Outskirts": 8, "Other Cities": 18}
_DECLINE = 0.08


def write_extract(path: Path, rows: int, seed: int) -> Path:
    """Write ``rows`` invented rows under the export's header; the same seed writes the same file. Returns ``path``."""
    chance = random.Random(seed)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(_row(chance, number) for number in range(rows))
    return path


def _row(chance: random.Random, number: int) -> dict[str, str]:
    row = dict.fromkeys(COLUMNS, "No") | {"": ""} | _person(chance) | _visit(chance)
    declines = chance.random() < _DECLINE
    converted = chance.random() < _odds(row, declines=declines)
    return row | {
        "Prospect ID": str(UUID(int=chance.getrandbits(128), version=4)),
        "Lead Number": str(100_000 + number),
        "Do Not Email": "Yes" if declines else "No",
        "Last Activity": _pick(chance, _TURNED_AWAY) if declines else row["Last Activity"],
        **_known_only_later(converted=converted),
    }


def _person(chance: random.Random) -> dict[str, str]:
    origin = _pick(chance, _ORIGINS)
    return {
        "Lead Origin": origin,
        "Lead Source": _pick(chance, _SOURCES[origin]),
        "Country": _pick(chance, _COUNTRIES),
        "Specialization": _pick(chance, _SUBJECTS),
        "What is your current occupation": _pick(chance, _OCCUPATIONS),
        "What matters most to you in choosing a course": _pick(chance, {"Better Career Prospects": 7, "": 3}),
        "How did you hear about X Education": "Select",
        "City": _pick(chance, _CITIES),
    }


def _visit(chance: random.Random) -> dict[str, str]:
    """A quarter never came to the site; one in seventy has no numbers at all, as in the export."""
    activity = {"Last Activity": _pick(chance, _ACTIVITIES)}
    if chance.random() < 1 / 70:
        return activity | {"TotalVisits": "", "Total Time Spent on Website": "0", "Page Views Per Visit": ""}
    visits = 0 if chance.random() < 0.24 else 1 + int(chance.expovariate(0.35))
    seconds = min(int(chance.expovariate(1 / 600)), 2272) if visits else 0
    pages = f"{visits / chance.choice((1, 1, 2)):.2f}".rstrip("0").rstrip(".") if visits else "0"
    return activity | {
        "TotalVisits": str(visits),
        "Total Time Spent on Website": str(seconds),
        "Page Views Per Visit": pages,
    }


def _odds(row: dict[str, str], *, declines: bool) -> float:
    odds = 0.10
    odds += 0.45 * (row["What is your current occupation"] == "Working Professional")
    odds += 0.55 * (row["Lead Origin"] == "Lead Add Form")
    odds += 0.35 * (int(row["Total Time Spent on Website"]) >= 600)
    odds += 0.20 * (row["Last Activity"] == "SMS Sent")
    return min(odds, 0.95) * (0.4 if declines else 1.0)


def _known_only_later(*, converted: bool) -> dict[str, str]:
    """The outcome, and the columns that give it away: a playbook that read one of them would score far too well."""
    return {
        "Converted": "1" if converted else "0",
        "Tags": "Will revert after reading the email" if converted else "Ringing",
        "Lead Quality": "High in Relevance" if converted else "Worst",
        "Lead Profile": "Potential Lead" if converted else "Other Leads",
        "Last Notable Activity": "SMS Sent" if converted else "Modified",
        "Asymmetrique Activity Index": "02.Medium",
        "Asymmetrique Profile Index": "02.Medium",
        "Asymmetrique Activity Score": "14",
        "Asymmetrique Profile Score": "15",
    }


def _pick(chance: random.Random, weights: dict[str, int]) -> str:
    return chance.choices(list(weights), list(weights.values()))[0]
