"""What looks places up, with the places of a config."""

from __future__ import annotations

from tocsin import load
from tocsin.component import Context, Geocoder
from tocsin.config import Config
from tocsin.enrichers import place
from tocsin.enrichers._place_lookup import Lookup
from tocsin.errors import ConfigError
from tocsin.gazetteer import embedded
from tocsin.settings import Places

_PARTS = ("index", "aliases", "corrections")


def verify(config: Config) -> None:
    """Raises ConfigError, with its place in the file, where what looks places up cannot be made."""
    if config.places != Places():
        lookup(config)
    geocoder(config)


def lookup(config: Config) -> Lookup:
    """As a run has it, but for the geocoder. Raises ConfigError, with its place in the file, where it cannot be."""
    try:
        return _lookup(config, _PARTS)
    except ConfigError as error:
        raise config.at(("places", _unusable(config)), error.message, error.hint) from None


def geocoder(config: Config) -> Geocoder | None:
    """The one that a run asks, if any. Raises ConfigError, with its place in the file, where it cannot be made."""
    options = config.enrich["place"].options if "place" in config.enrich else None
    if not isinstance(options, place.Config) or options.geocoder is None:
        return None
    part = options.geocoder
    try:
        made: Geocoder = load.build("gazetteer", part.type, part.options, _context(config))
    except ConfigError as error:
        raise config.at(("enrich", "place", "geocoder"), error.message, error.hint) from None
    return made


def _lookup(config: Config, parts: tuple[str, ...]) -> Lookup:
    return Lookup(embedded.Config.model_validate(config.places.model_dump(include={*parts})), _context(config))


def _unusable(config: Config) -> str:
    """The first part of the places that cannot be used, even alone."""
    for part in _PARTS[:-1]:
        try:
            _lookup(config, (part,))
        except ConfigError:
            return part
    return _PARTS[-1]


def _context(config: Config) -> Context:
    return Context("place", config.data_dir, base_dir=config.base_dir)
