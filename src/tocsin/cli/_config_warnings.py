"""What is allowed in a config and probably not meant, where more than the file has to be looked at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tocsin.errors import ConfigError

if TYPE_CHECKING:
    from tocsin.config import Config


def about_categories(config: Config) -> Iterator[ConfigError]:
    """Categories that say too little, or the same as another."""
    from tocsin.enrichers._category_warnings import warnings
    from tocsin.enrichers.category import Definition

    definitions = [Definition.model_validate(category.model_dump()) for category in config.categories]
    for warned in warnings(definitions):
        yield config.at(("categories", warned.place), warned.message, warned.hint)


def about_places(config: Config) -> Iterator[ConfigError]:
    """Corrections to what is no place. Raises ConfigError where what looks places up cannot be made."""
    from tocsin.runners import places
    from tocsin.text import one_line

    places.verify(config)
    corrections = config.places.corrections
    if not corrections:
        return
    located = places.lookup(config).named(meant for meant in corrections.values() if meant is not None)
    for written, meant in corrections.items():
        if meant is not None and located.get(meant) is None:
            said = f"the correction '{one_line(meant, 80)}' is no place that is known"
            yield config.at(("places", "corrections", written), said, "say more of it, or list it under aliases:")
