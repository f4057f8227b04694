"""The category enricher for the contract suite."""

from pathlib import Path

from tocsin.component import Context
from tocsin.enrichers.category import Category, Config, Definition


def make(tmp_path: Path) -> Category:
    categories = (
        Definition(name="outage", description="The service is down.", match="down OR offline OR 故障"),
        Definition(name="praise", match='love OR "well done" OR 👍'),
    )
    return Category(Config(categories=categories), Context("category", tmp_path))
