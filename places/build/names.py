"""Names of places in other languages, alternate names worth keeping, stripped names and codes."""

from __future__ import annotations

import gettext
import io
import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest
from pathlib import Path
from typing import Any

from formal import stripped
from place import KINDS, Name, Place, fold
from sources import ADDRESS_NAMES, CLDR_NAMES, CLDR_SUBDIVISIONS, GEONAMES_CATALOGUES, ISO_3166_2, Archive
from towns import Alternates

RECODED = {"TW", "VN"}  # the ISO list has these countries' former codes
LONG_CODES = {"fil", "ckb", "yue"}  # of languages that many write; the other three-letter ones only bring mix-ups
ALTERNATES_FROM = 3_000
LARGER = 3
WIDESPREAD = ("es", "fr", "de", "pt", "ru", "zh", "ja", "ar", "it", "nl", "pl", "tr", "id", "ko")
_LANGUAGE_FIXES = {"kr": "ko", "cmn": "zh", "iw": "he", "in": "id", "nb": "no"}
_SCRIPTS = {
    "ARABIC": "ar fa ur ps ks sd ug ckb ku dv pnb bal",
    "CYRILLIC": "ru uk be bg mk sr kk ky mn tg tt ba cv ce os ab uz sah udm av bua tyv az",
    "DEVANAGARI": "hi mr ne sa bho mai doi kok",
    "CJK": "zh ja yue wuu nan hak",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "HANGUL": "ko",
    "BENGALI": "bn as mni",
    "HEBREW": "he yi",
    "GREEK": "el",
    "THAI": "th",
    "LAO": "lo",
    "KHMER": "km",
    "MYANMAR": "my",
    "GEORGIAN": "ka",
    "ARMENIAN": "hy",
    "ETHIOPIC": "am ti",
    "TAMIL": "ta",
    "TELUGU": "te",
    "KANNADA": "kn",
    "MALAYALAM": "ml",
    "GUJARATI": "gu",
    "GURMUKHI": "pa",
    "ORIYA": "or",
    "SINHALA": "si",
    "THAANA": "dv",
    "TIBETAN": "bo dz",
}


def language_of(locale: str) -> str:
    """ISO 639 code of a locale: `zh_TW` and `zh-Hant` are both zh."""
    code = re.split(r"[-_]", locale)[0]
    return _LANGUAGE_FIXES.get(code, code)


def name_countries(folder: Path, countries: list[Place]) -> None:
    """Country names of every CLDR language; English short and variant forms become alternates."""
    by_code = {country.country: country for country in countries}
    for path, content in Archive(folder, CLDR_NAMES).files("/territories.json"):
        locale = path.split("/")[1]
        if len(language_of(locale)) > 2 and language_of(locale) not in LONG_CODES:
            continue
        territories = json.loads(content)["main"][locale]["localeDisplayNames"]["territories"]
        for key, name in territories.items():
            code, _, form = key.partition("-alt-")
            if code in by_code and name != code and form != "chagos":
                kind = "alternate" if form and locale == "en" else "translated"
                by_code[code].add(name, kind, language_of(locale))


def name_areas(folder: Path, countries: list[Place], first: list[Place], second: list[Place]) -> None:
    """GeoNames ids, ISO 3166-2 codes and translations of countries and their areas."""
    archive = Archive(folder, ISO_3166_2)
    translations = json.loads(archive.read("data/names_geonames.json"))
    by_iso: dict[str, Place] = {}
    regions = json.loads(archive.read("data/iso3166-2.json"))
    for area, country, region in _joined(regions, first, second):
        area.geoname = int(region["reference"].get("geonames") or 0)
        area.add(region["names"].get("geonames", ""), "alternate")
        by_iso[f"{country}{region['iso']}".lower()] = area
        if not region["iso"].isdigit():
            area.add(region["iso"], "subdivision")
    for area in (*countries, *by_iso.values()):
        for language, name in translations.get(str(area.geoname), {}).items():
            area.add(name, "translated", language_of(language))
    for path, content in Archive(folder, CLDR_SUBDIVISIONS).files(".json"):
        if path.startswith("subdivisions/"):
            language = path.split("/")[1]
            for key, name in json.loads(content)["subdivisions"]["localeDisplayNames"]["subdivisions"].items():
                if key in by_iso and (language != "en" or _alike(by_iso[key], name)):
                    by_iso[key].add(name, "translated", language_of(language))
    _name_as_in_addresses(folder, by_iso)


Region = dict[str, Any]


def _joined(
    entries: Mapping[str, Mapping[str, list[Region]]], first: list[Place], second: list[Place]
) -> Iterator[tuple[Place, str, Region]]:
    """Each ISO region with its area: the same GeoNames code and name, else the same name, else the same code."""
    by_code = {(area.country, area.admin1): area for area in first}
    by_name = {(area.country, name): area for area in (*second, *first) for name in _with_stripped([area.name])}
    for country, entry in entries.items():
        for region in entry["regions"]:
            names = _with_stripped([region["name"], *(region["names"].get(key, "") for key in ("geonames", "en"))])
            coded = by_code.get((country, region["admin"]))
            named = next((by_name[country, name] for name in sorted(names) if (country, name) in by_name), None)
            if coded and (not named or names & _with_stripped([coded.name])) and not (country in RECODED and not named):
                yield coded, country, region
            elif named:
                yield named, country, region


def _with_stripped(names: Iterable[str]) -> set[str]:
    return {fold(form) for name in names if name for form in (name, *stripped(name))}


def _name_as_in_addresses(folder: Path, by_iso: Mapping[str, Place]) -> None:
    """Native and Latin names of first-level areas from Google's address data, whose columns run in parallel."""
    for _, content in Archive(folder, ADDRESS_NAMES).files(".json"):
        for key, entry in json.loads(content).items():
            country, _, language = key.partition("--")
            if "/" in country or "sub_isoids" not in entry:
                continue
            columns = [entry.get(name, "").split("~") for name in ("sub_isoids", "sub_lnames", "sub_names", "sub_keys")]
            spoken = language_of(language or entry.get("lang", ""))
            for code, latin, *native in zip_longest(*columns, fillvalue=""):
                area = by_iso.get(f"{country}{code}".lower())
                if area and _alike(area, latin or native[0]):
                    area.add(latin, "translated", "en")
                    for name in native:
                        area.add("" if name == code else name, "translated", spoken)


def _alike(area: Place, name: str) -> bool:
    """Whether the name resembles one that the area has: ISO codes have been given to other areas over the years."""
    wanted = _bare(name)
    known = {_bare(text) for text in (area.name, *(given.text for given in area.names)) if text}
    return any(wanted == one or SequenceMatcher(None, wanted, one).ratio() > 0.7 for one in known)


def _bare(name: str) -> str:
    return fold(next(iter(stripped(name)), name))


def name_towns(folder: Path, towns: list[Place]) -> None:
    """Town names of Debian's GeoNames catalogues: message id is the GeoNames id."""
    by_id = {str(town.geoname): town for town in towns}
    for path, content in Archive(folder, GEONAMES_CATALOGUES).files("/geonames.mo"):
        language = language_of(path.split("/")[-3])
        catalogue = gettext.GNUTranslations(io.BytesIO(content))._catalog  # type: ignore[attr-defined]
        for key, name in catalogue.items():
            if key in by_id and isinstance(name, str):
                by_id[key].add(name, "translated", language)


def name_alternates(
    towns: list[Place],
    alternates: Alternates,
    countries: list[Place],
    first: list[Place],
    languages: dict[str, list[str]],
) -> None:
    """Add the alternate names of towns that help to find them and drop the translations that mislead."""
    largest = _largest_bearers(towns, first)
    own_country = {country.country: country.folded() for country in countries}
    for town in towns:
        scripts = _native_scripts(languages.get(town.country, []))
        nation = own_country.get(town.country, set()) - {fold(town.name)}
        town.names = [name for name in town.names if name.kind != "translated" or fold(name.text) not in nation]
        for text in alternates.get(town.geoname, ()):
            known = town.population >= ALTERNATES_FROM or _script(text) in scripts
            folded = fold(text)
            larger = largest.get((town.country, folded), 0) > LARGER * town.population
            if known and not _is_noise(text) and folded not in nation and not larger:
                town.add(text, "alternate")


def _largest_bearers(towns: list[Place], first: list[Place]) -> dict[tuple[str, str], int]:
    """People in the largest place of each country and folded name; an area does not count against its largest town."""
    largest: dict[tuple[str, str], int] = defaultdict(int)
    seats: dict[tuple[str, str], Place] = {}
    for town in towns:
        key = (town.country, fold(town.name))
        largest[key] = max(largest[key], town.population)
        code = (town.country, town.admin1)
        if code not in seats or seats[code].population < town.population:
            seats[code] = town
    for area in first:
        seat = seats.get((area.country, area.admin1))
        if seat and not area.folded() & seat.folded():
            key = (area.country, fold(area.name))
            largest[key] = max(largest[key], area.population)
    return largest


def _is_noise(text: str) -> bool:
    """Airport codes, initials, and the lower-case transliterations that a program made ("mwskw")."""
    if text.isascii():
        return "," in text or len(text) < 3 or (len(text) == 3 and text.isupper()) or text == text.lower()
    return len(text) < 2 or any(comma in text for comma in ",،、")


def _native_scripts(languages: Iterable[str]) -> set[str]:
    return {script for script, users in _SCRIPTS.items() if set(users.split()) & set(languages)}


def _script(text: str) -> str:
    letter = next((character for character in text if character.isalpha()), "a")
    return unicodedata.name(letter, "LATIN").split()[0].split("-")[0]


def strip_areas(areas: Iterable[Place], countries: list[Place]) -> None:
    """Add the names of areas without their formal words; English ones that bear such words become official names."""
    nations = {country.country: country.folded() for country in countries}
    for area in areas:
        if area.country == "US" and area.tier == "first":
            continue  # they bear no formal words, but nicknames: "Sunflower State"
        for name in tuple(area.names):
            if name.kind in {"primary", "translated", "alternate"}:
                bare = stripped(name.text)
                for text in bare:
                    if fold(text) in nations.get(area.country, ()):
                        continue  # "Estado de México" is not Mexico
                    area.add(text, "stripped", name.language)
                if bare and name.kind != "primary" and name.language in {"en", ""}:
                    name.kind = "official"


def one_of_each(names: list[Name], own_languages: Sequence[str]) -> list[Name]:
    """Each folded name once, with its strongest kind; of equals the English one, then one of the country's own."""
    order = {language: number for number, language in reversed([*enumerate(["en", *own_languages, *WIDESPREAD])])}
    strongest: dict[str, Name] = {}
    for name in sorted(names, key=lambda name: (KINDS.index(name.kind), order.get(name.language, len(order) + 1))):
        folded = fold(name.text)
        if folded:
            strongest.setdefault(folded, name)
    return list(strongest.values())
