"""From a config to its components."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tocsin import config as configs
from tocsin import load
from tocsin.errors import ConfigError, Permanent
from tocsin.runners.assemble import Assembly

YAML = """
data_dir: data
watches:
  - {name: acme, match: acme}
sources:
  news: {type: file, path: posts.csv}
  blog: {type: file, path: blog.csv}
alerts:
  policies:
    - {name: volume, by: [watch, category], bucket: 5m}
    - {name: abroad, by: [watch, category, country], bucket: 1h}
"""


@pytest.fixture
def assembly(tmp_path: Path) -> Callable[..., Assembly]:
    def make(text: str = YAML, seed: int | None = 1) -> Assembly:
        (tmp_path / "tocsin.yaml").write_text(text)
        return Assembly(configs.load(tmp_path / "tocsin.yaml", os.environ), seed=seed)

    return make


def test_the_data_directory_is_made_for_its_owner_alone(assembly: Callable[..., Assembly], tmp_path: Path) -> None:
    made = assembly()
    made.prepare()
    made.prepare()
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    assert list((tmp_path / "data").iterdir()) == []


def test_a_data_directory_that_cannot_be_written_is_one_clear_line(
    assembly: Callable[..., Assembly], tmp_path: Path
) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(Permanent, match=r"data cannot be written \(File exists\): give it to this user"):
        assembly().prepare()


def test_a_component_knows_its_name_and_where_the_config_lies(
    assembly: Callable[..., Assembly], tmp_path: Path
) -> None:
    context = assembly().context("news")
    assert (context.name, context.data_dir, context.base_dir) == ("news", tmp_path / "data", tmp_path)


def test_one_seed_gives_one_chance_to_all(assembly: Callable[..., Assembly]) -> None:
    draws = [[made.context(name).random.random() for name in "ab"] for made in (assembly(), assembly())]
    assert draws[0] == draws[1]
    assert draws[0][0] != draws[0][1]


def test_sources_and_destinations_go_by_the_names_of_the_config(assembly: Callable[..., Assembly]) -> None:
    assert list(assembly().sources()) == ["news", "blog"]
    assert list(assembly().notifiers()) == ["log"]
    with pytest.raises(ConfigError, match=r"no sources.*add a block"):
        assembly("data_dir: data\n").sources()


def test_every_enricher_on_disk_is_there_with_the_watches_of_the_config(assembly: Callable[..., Assembly]) -> None:
    names = [type(enricher).__module__.rpartition(".")[2] for enricher in assembly().enrichers()]
    assert names == load.names("enrichers")


def test_each_call_makes_a_new_one(assembly: Callable[..., Assembly]) -> None:
    made = assembly()
    made.prepare()
    with closing(made.queue()) as one, closing(made.queue()) as two:
        assert one is not two
        assert one.uuid == two.uuid
    assert made.policies()[0].fold is not made.policies()[0].fold


def test_policies_are_as_the_config_says(assembly: Callable[..., Assembly]) -> None:
    volume, abroad = assembly(YAML + "lateness: 90s\n").policies()
    assert (volume.name, volume.fold.bucket, volume.fold.lateness) == ("volume", 300, 90)
    assert abroad.fold.dimensions == ("watch", "category", "country")


def test_without_a_watch_every_post_belongs_to_the_watch_all(assembly: Callable[..., Assembly]) -> None:
    assert assembly("sources: {}\n").policies()[0].fold.all_watches == "all"
    assert assembly().policies()[0].fold.all_watches is None


def test_a_watch_listens_to_its_sources(assembly: Callable[..., Assembly]) -> None:
    text = YAML.replace("match: acme}", "match: acme, sources: [news]}")
    assert assembly(text).policies()[0].fold.sources == {"acme": frozenset({"news"})}
    assert assembly().policies()[0].fold.sources == {}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("bucket: 5m", "bucket: 10m"),
        ("bucket: 5m", "bucket: 5m, sensitivity: strict"),
        ("by: [watch, category], bucket: 5m", "by: [category, watch], bucket: 5m"),
        ("match: acme}", "match: acme, sources: [news]}"),
        ("data_dir: data", "data_dir: data\nlateness: 1h"),
        ("watches:\n  - {name: acme, match: acme}\n", ""),
    ],
)
def test_a_change_that_makes_the_past_a_different_one_changes_the_definition(
    assembly: Callable[..., Assembly], old: str, new: str
) -> None:
    before, after = assembly().policies()[0], assembly(YAML.replace(old, new)).policies()[0]
    assert before.definition != after.definition


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("bucket: 1h", "bucket: 30m"),
        ("data_dir: data", "data_dir: data\nserver: {port: 1}"),
        ("  blog: {type: file, path: blog.csv}\n", ""),
        ("match: acme}", "match: acme, sources: null}"),
    ],
)
def test_a_change_elsewhere_does_not(assembly: Callable[..., Assembly], old: str, new: str) -> None:
    assert assembly().policies()[0].definition == assembly(YAML.replace(old, new)).policies()[0].definition


def test_the_order_in_which_sources_are_named_does_not_matter(assembly: Callable[..., Assembly]) -> None:
    texts = [
        YAML.replace("match: acme}", f"match: acme, sources: [{names}]}}") for names in ("news, blog", "blog, news")
    ]
    assert len({assembly(text).policies()[0].definition for text in texts}) == 1
