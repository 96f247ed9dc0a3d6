"""Country names and codes as ISO 3166 codes of two letters. The names are those of the IANA time zone database."""

from functools import cache
from importlib.resources import files

#: Names that people write and the table does not have.
_ALSO = {
    "bolivia": "BO",
    "bosnia and herzegovina": "BA",
    "britain": "GB",
    "brunei darussalam": "BN",
    "burma": "MM",
    "cabo verde": "CV",
    "czechia": "CZ",
    "england": "GB",
    "great britain": "GB",
    "holland": "NL",
    "hong kong sar": "HK",
    "iran, islamic republic of": "IR",
    "ivory coast": "CI",
    "korea": "KR",
    "korea, republic of": "KR",
    "macao": "MO",
    "moldova, republic of": "MD",
    "north korea": "KP",
    "north macedonia": "MK",
    "people's republic of china": "CN",
    "republic of korea": "KR",
    "russian federation": "RU",
    "scotland": "GB",
    "south korea": "KR",
    "swaziland": "SZ",
    "syrian arab republic": "SY",
    "taiwan, province of china": "TW",
    "the netherlands": "NL",
    "turkiye": "TR",
    "türkiye": "TR",
    "u.k.": "GB",
    "u.s.": "US",
    "u.s.a.": "US",
    "uae": "AE",
    "uk": "GB",
    "united kingdom": "GB",
    "united states of america": "US",
    "usa": "US",
    "viet nam": "VN",
    "wales": "GB",
}


def country_code(text: str) -> str:
    """The code of a country's name or code, in any case; "" when it is none."""
    return _codes().get(text.strip().casefold(), "")


@cache
def _codes() -> dict[str, str]:
    table = (files("tzdata.zoneinfo") / "iso3166.tab").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in table.splitlines() if line and not line.startswith("#")]
    codes = dict(_ALSO)
    for code, name in rows:
        codes[code.casefold()] = code
        codes[name.casefold()] = code
        codes.setdefault(name.replace("&", "and").replace("St ", "Saint ").casefold(), code)
        codes.setdefault(name.partition(" (")[0].casefold(), code)
    return codes
