"""From what a config says to files on this disk: found, fetched, checked, made ready.

A name is one of the Hub (`ORG/NAME`) or a directory (it begins with `./`, `../`, `/` or `~`). What was fetched without
a pinned revision stays at the commit that it was fetched at, until `tocsin models pull` looks again.
"""

from __future__ import annotations

import logging
import os
import random
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from pydantic import SecretStr

from tocsin.clock import Clock
from tocsin.component import Context
from tocsin.errors import ConfigError
from tocsin.hints import printable
from tocsin.models._onnx import build, folder, store
from tocsin.models._onnx.folder import Folder, Weights
from tocsin.models._onnx.hub import COMMIT, NAME, PUBLIC, REVISION, Hub, Listing
from tocsin.models._onnx.progress import shown

log = logging.getLogger(__name__)

_YES = ("1", "true", "yes", "on")
_HINT_NAME = "write hf:ORG/NAME as on the Hub, or hf:./DIRECTORY"
_MANY_DIGITS = 12


class Wanted(Protocol):
    """The options that say which files are wanted (models/onnx.py has them all)."""

    @property
    def revision(self) -> str | None: ...
    @property
    def offline(self) -> bool: ...
    @property
    def token(self) -> SecretStr | None: ...
    @property
    def cache(self) -> Path | None: ...
    @property
    def precision(self) -> Literal["int8", "fp32"]: ...
    @property
    def file(self) -> str | None: ...
    @property
    def sha256(self) -> str | None: ...


@dataclass(frozen=True)
class Place:
    """Where the files of a model are. `commit` is None for a directory of the user's own."""

    path: Path
    commit: str | None


@dataclass(frozen=True)
class Provided:
    """A model's files, all there and as they should be."""

    folder: Folder
    model: Path
    """The ONNX file to run."""
    version: str
    """The commit, or the SHA-256 of the files, in its first digits."""
    sha256: str
    """The fingerprint of all files that the answers depend on."""
    commit: str | None
    size: int
    """Bytes of the ONNX file with its large tensors."""


class Provider:
    """Provides one model. Nothing is looked at before a method is called."""

    def __init__(
        self,
        target: str,
        wanted: Wanted,
        context: Context,
        environ: Mapping[str, str] | None = None,
        say: Callable[[str], None] = log.info,
    ) -> None:
        """`say` hears of long work before it begins. Raises ConfigError for a name or a revision that cannot be one."""
        self._say = say
        self.name = f"hf:{target}"
        self._target, self._wanted = target, wanted
        self._environ = os.environ if environ is None else environ
        self._clock: Clock = context.clock
        self._random: random.Random = context.random
        self._base = context.base_dir
        self._local = target.startswith(("./", "../", "/", "~")) or target in (".", "..")
        self._root = self._cache()
        if not self._local and (not NAME.fullmatch(target) or ".." in target or "--" in target):
            raise ConfigError(f"'{printable(self.name)}' names no model", hint=_HINT_NAME)
        if wanted.revision is not None and (not REVISION.fullmatch(wanted.revision) or ".." in wanted.revision):
            raise ConfigError(f"the revision '{printable(wanted.revision)}' of {self.name} cannot be one")

    @property
    def fetched(self) -> bool:
        """Whether the model is of the Hub, not a directory of the user's own."""
        return not self._local

    def provide(self) -> Provided:
        """Everything that is needed to run the model. Raises ConfigError."""
        try:
            place = self.find() or self.pull()
            return self._ready(place)
        except OSError as error:
            raise ConfigError(f"{self.name}: {error.strerror}: {error.filename}") from None

    def find(self) -> Place | None:
        """Where the files are; None where they have to be fetched first. Raises ConfigError."""
        if self._local:
            path = self._base / Path(self._target).expanduser()
            if not path.is_dir():
                raise ConfigError(f"{self.name} is no directory", hint=f"looked for {path.absolute()}")
            return Place(path, None)
        commit = self._known_commit()
        if commit is None or store.manifest(self._snapshot(commit)) is None:
            return None
        return Place(self._snapshot(commit), commit)

    def pull(self) -> Place:
        """Fetch what is not here yet from the Hub, and note its commit. Raises ConfigError."""
        if self._local:
            raise ConfigError(f"{self.name} is a directory of your own: there is nothing to fetch")
        if self._wanted.offline or self._environ.get("HF_HUB_OFFLINE", "").lower() in _YES:
            hint = (
                f"`tocsin models pull {self.name}` where there is a network, or files in a directory and hf:./DIRECTORY"
            )
            raise ConfigError(f"{self.name} is not in {self._root}, and offline nothing is fetched", hint=hint)
        listing = self._hub().listing(self._target, self._wanted.revision or "main")
        place = self._snapshot(listing.commit)
        with store.locked(place):
            if store.manifest(place) is None or store.damaged(place):
                self._fetch(listing, place)
            self._note(listing.commit)
        return Place(place, listing.commit)

    def hashes(self, place: Place) -> dict[str, str]:
        """SHA-256 of the files that the answers depend on, by name; of a snapshot as its manifest says."""
        here = self._names(place)
        names = [name for name in folder.SMALL if name != "README.md" and name in here]
        names += self._weights(place).files
        said = store.manifest(place.path) if place.commit else None
        if said is not None:
            return {name: str(said["files"][name]["sha256"]) for name in names}
        return {name: folder.hashed(place.path / name) for name in names}

    def damaged(self, place: Place) -> list[str]:
        """The files that are not as they were fetched or made. Raises ConfigError if the pinned sha256 is another."""
        wrong = store.damaged(place.path) if place.commit else []
        built = self._built(place, self._checked(place, self.hashes(place)))
        if built is not None and built.exists():
            wrong += [f"built/{name}" for name in store.damaged(built)]
        return wrong

    def _ready(self, place: Place) -> Provided:
        described = folder.read(place.path, self.name)
        weights = self._weights(place)
        hashes = self.hashes(place)
        if place.commit and (wrong := store.damaged(place.path, set(hashes) - set(weights.files))):
            raise self._changed(place, wrong)
        sha256 = self._checked(place, hashes)
        built = self._built(place, sha256)
        if built is not None:
            self._build(place, weights, built)
        elif place.commit and (wrong := store.damaged(place.path, weights.files)):
            raise self._changed(place, wrong)
        model = built / build.MODEL if built is not None else place.path / weights.files[0]
        version = (place.commit or sha256)[:_MANY_DIGITS]
        size = sum(store.size(file) for file in model.parent.glob(f"{model.name}*"))
        return Provided(described, model, version, sha256, place.commit, size)

    def _changed(self, place: Place, files: Sequence[str]) -> ConfigError:
        hint = f"`tocsin models pull {self.name}` fetches it anew"
        return ConfigError(f"{self.name}: {files[0]} in {place.path} is not as it was fetched", hint=hint)

    def _checked(self, place: Place, hashes: Mapping[str, str]) -> str:
        sha256 = folder.fingerprint(hashes)
        if self._wanted.sha256 not in (None, sha256):
            hint = f"these files have {sha256}; look why, or write that"
            raise ConfigError(f"the files of {self.name} are not those of the sha256: in the config", hint=hint)
        return sha256

    def _built(self, place: Place, sha256: str) -> Path | None:
        """Where the ONNX file made of these files belongs; None if one of them is run as it is."""
        weights = self._weights(place)
        if weights.onnx and (self._wanted.precision == "fp32" or self._wanted.file is not None):
            return None
        made = f"{build.VERSION}-{self._wanted.precision}"
        return self._root / "built" / folder.fingerprint({made: sha256})

    def _build(self, place: Place, weights: Weights, built: Path) -> None:
        if not store.damaged(built):
            return
        with store.locked(built):
            if not store.damaged(built):
                return
            if place.commit and (wrong := store.damaged(place.path, weights.files)):
                raise self._changed(place, wrong)
            self._say(f"Making {self.name} ready; this is done once.")
            int8 = self._wanted.precision == "int8"
            making = built.with_name(f".{built.name}.making")
            shutil.rmtree(making, ignore_errors=True)
            build.build(place.path, weights.files[0], making, int8=int8, export=not weights.onnx, where=self.name)
            store.publish(making, built, {"of": self.name, "precision": self._wanted.precision})

    def _fetch(self, listing: Listing, place: Path) -> None:
        """All files of a snapshot into its place, the small ones first: what cannot be used is not fetched whole."""
        part = place.with_name(f".{place.name}.partial")
        part.mkdir(parents=True, exist_ok=True)
        small = [name for name in folder.SMALL if name in listing.files]
        if "config.json" not in small:
            raise ConfigError(f"{self.name} has no config.json, so it is no model of this kind")
        weights = folder.choose_weights(listing.files.keys(), self._wanted.file, self.name)
        wanted = [*small, *weights.files]
        size = sum(listing.files[name].size for name in wanted)
        free = shutil.disk_usage(part).free
        if size > free:
            raise ConfigError(f"{self.name} needs {size:,} bytes, and {self._root} has {free:,} left")
        self._say(f"Fetching {self.name} at {listing.commit}: {len(wanted)} files, {size:,} bytes.")
        if self._wanted.revision is None or not COMMIT.fullmatch(self._wanted.revision):
            log.warning("%s is not pinned: write revision: %s", self.name, listing.commit)
        with shown(self.name, size) as told:
            self._hub().fetch(self._target, listing, small, part, told)
            folder.read(part, self.name)
            self._hub().fetch(self._target, listing, weights.files, part, told)
        store.publish(part, place, {"of": self.name, "commit": listing.commit})

    def _weights(self, place: Place) -> Weights:
        return folder.choose_weights(self._names(place), self._wanted.file, self.name)

    def _names(self, place: Place) -> frozenset[str]:
        """The files of a snapshot as they were fetched, or of a directory where weights and small files can be."""
        said = store.manifest(place.path) if place.commit else None
        if said is not None:
            return frozenset(said["files"])
        beside = [Path(name).parent for name in (*folder.SMALL, "onnx/model.onnx", self._wanted.file or "")]
        files = (file for inner in set(beside) for file in (place.path / inner).glob("*") if file.is_file())
        return frozenset(file.relative_to(place.path).as_posix() for file in files)

    def _hub(self) -> Hub:
        endpoint = self._environ.get("HF_ENDPOINT") or PUBLIC
        token = self._wanted.token.get_secret_value() if self._wanted.token else self._environ.get("HF_TOKEN")
        return Hub(endpoint, token or None, self._clock, self._random)

    def _cache(self) -> Path:
        if self._wanted.cache is not None:
            return self._base / self._wanted.cache.expanduser()
        home = self._environ.get("XDG_CACHE_HOME")
        return (Path(home) if home else Path.home() / ".cache") / "tocsin" / "models"

    def _repository(self) -> Path:
        return self._root / "hub" / self._target.replace("/", "--")

    def _snapshot(self, commit: str) -> Path:
        """A folder for each choice of weights of a commit."""
        chosen = self._wanted.file
        return self._repository() / (f"{commit}.{chosen.replace('/', '--')}" if chosen else commit)

    def _known_commit(self) -> str | None:
        """The commit of the wanted revision: itself, or what was noted when it was fetched."""
        revision = self._wanted.revision or "main"
        if COMMIT.fullmatch(revision):
            return revision
        try:
            noted = self._noted(revision).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            return None
        return noted if COMMIT.fullmatch(noted) else None

    def _note(self, commit: str) -> None:
        revision = self._wanted.revision or "main"
        if not COMMIT.fullmatch(revision):
            note = self._noted(revision)
            note.parent.mkdir(parents=True, exist_ok=True)
            fresh = note.with_name(f"{note.name}.new")
            fresh.write_text(commit, encoding="ascii")
            fresh.replace(note)

    def _noted(self, revision: str) -> Path:
        return self._repository() / "refs" / revision.replace("/", "--")
