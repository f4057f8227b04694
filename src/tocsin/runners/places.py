"""What looks places up, with the places of a config."""

from __future__ import annotations

from tocsin.component import Context
from tocsin.config import Config
from tocsin.enrichers._place_lookup import Lookup
from tocsin.gazetteer import embedded


def lookup(config: Config) -> Lookup:
    """As a run has it, but for the geocoder. Raises ConfigError where the gazetteer of the config cannot be read."""
    options = embedded.Config.model_validate(config.places.model_dump())
    return Lookup(options, Context("place", config.data_dir, base_dir=config.base_dir))
