"""The gazetteer's index: the one in the wheel holds together, and one that does not is refused."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import tocsin.gazetteer
from tocsin.component import Context
from tocsin.errors import ConfigError
from tocsin.gazetteer import _text, embedded
from tocsin.gazetteer._index import ARRAYS, DEGREE, KEY_MASK, NOWHERE, VERSION, Index, Kind, Tier, opened
from tocsin.gazetteer.embedded import Config, Embedded

FOLDER = Path(tocsin.gazetteer.__file__).parent / "index"
NOTICE = Path(__file__).parents[2] / "NOTICE"


@pytest.fixture(scope="module")
def index() -> Index:
    return embedded.index()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder that leads to the files of the index in the wheel; each may be replaced."""
    folder = tmp_path / "copy"
    folder.mkdir()
    for path in FOLDER.iterdir():
        (folder / path.name).symlink_to(path)
    return folder


def put(folder: Path, name: str, content: bytes) -> None:
    (folder / name).unlink()
    (folder / name).write_bytes(content)


# The index in the wheel.


def test_the_arrays_agree_in_length(index: Index) -> None:
    places, names, pairs = len(index.tiers), len(index.keys), len(index.places)
    for name in ("populations", "fame", "countries", "firsts", "seconds", "latitudes", "longitudes", "radii"):
        assert len(getattr(index, name)) == places, name
    assert (len(index.commonness), len(index.offsets)) == (names, names + 1)
    assert len(index.kinds) == pairs
    assert len(index.title_bounds) == places + 1
    assert len(index.meant) == len(index.typos)
    assert len(index.codes) == 2 * np.count_nonzero(index.tiers == Tier.COUNTRY)
    assert (index.manifest["places"], index.manifest["names"]) == (places, names)


@pytest.mark.parametrize("name", ARRAYS)
def test_the_arrays_cannot_be_written(index: Index, name: str) -> None:
    assert not getattr(index, name).flags.writeable


@pytest.mark.parametrize("name", ["keys", "denied", "ordinary"])
def test_keys_are_sorted_and_single_and_of_48_bits(index: Index, name: str) -> None:
    keys = getattr(index, name)
    assert len(keys) > 100
    assert np.all(keys[1:] > keys[:-1])
    assert np.all(keys & KEY_MASK == keys)


def test_misspelled_forms_are_sorted(index: Index) -> None:
    assert np.all(index.typos[1:] >= index.typos[:-1])


def test_every_name_leads_to_a_place(index: Index) -> None:
    assert (index.offsets[0], index.offsets[-1]) == (0, len(index.places))
    assert np.all(index.offsets[1:] > index.offsets[:-1])
    assert index.places.max() < len(index.tiers)
    assert index.kinds.max() < len(Kind)
    assert index.tiers.max() < len(Tier)


def test_of_the_places_of_a_name_the_largest_comes_first(index: Index) -> None:
    owners = names_of_pairs(index)
    populations = index.populations[index.places].astype(np.int64)
    assert np.all((populations[1:] <= populations[:-1]) | (owners[1:] != owners[:-1]))


def names_of_pairs(index: Index) -> npt.NDArray[np.int64]:
    return np.repeat(np.arange(len(index.keys)), np.diff(index.offsets.astype(np.int64)))


def test_areas_come_before_towns(index: Index) -> None:
    areas = index.tiers[index.tiers <= Tier.REGION]
    assert np.all(areas == index.tiers[: len(areas)])
    assert np.all(areas[1:] >= areas[:-1])
    assert len(areas) < NOWHERE


def test_every_place_is_in_areas_of_the_right_tier_and_country(index: Index) -> None:
    assert np.all(index.tiers[index.countries] == Tier.COUNTRY)
    for rows, tier in ((index.firsts, Tier.FIRST), (index.seconds, Tier.SECOND)):
        known = rows != NOWHERE
        assert np.all(index.tiers[rows[known]] == tier)
        assert np.all(index.countries[rows[known]] == index.countries[known])
    both = index.seconds != NOWHERE
    assert np.all(index.firsts[index.seconds[both]] == index.firsts[both])


def test_an_area_is_in_itself_and_in_none_below_it(index: Index) -> None:
    rows = np.arange(len(index.tiers))
    for parents, tier in ((index.countries, Tier.COUNTRY), (index.firsts, Tier.FIRST), (index.seconds, Tier.SECOND)):
        assert np.all(parents[index.tiers == tier] == rows[index.tiers == tier])
    assert np.all(index.firsts[index.tiers == Tier.COUNTRY] == NOWHERE)
    assert np.all(index.seconds[index.tiers <= Tier.FIRST] == NOWHERE)


def test_positions_are_on_earth(index: Index) -> None:
    assert np.all(np.abs(index.latitudes) <= 90 * DEGREE)
    assert np.all(np.abs(index.longitudes) <= 180 * DEGREE)
    assert not np.any((index.latitudes == 0) & (index.longitudes == 0))


def test_countries_have_a_code_each(index: Index) -> None:
    countries = np.flatnonzero(index.tiers == Tier.COUNTRY)
    codes = {index.country(int(row)) for row in countries}
    assert len(codes) == len(countries) > 240
    assert all(len(code) == 2 and code.isascii() and code.isalpha() and code.isupper() for code in codes)
    assert {"DE", "JP", "US", "XK"} <= codes


def test_every_place_has_a_title(index: Index) -> None:
    assert (index.title_bounds[0], index.title_bounds[-1]) == (0, len(index.titles))
    assert np.all(index.title_bounds[1:] > index.title_bounds[:-1])
    assert index.titles.tobytes().decode().isprintable()


def test_every_title_finds_its_place(index: Index) -> None:
    """All areas and every tenth other place; a name of more words than are looked at finds nothing."""
    areas = np.count_nonzero(index.tiers <= Tier.REGION)
    rows = np.concatenate([np.arange(areas), np.arange(areas, len(index.tiers), 10)])
    short, keys = _text.names([index.title(int(row)) for row in rows])
    assert len(short) > 0.999 * len(rows)
    found, names = index.find(keys)
    assert len(found) == len(short)

    bearers = names_of_pairs(index) << 32 | index.places.astype(np.int64)
    assert np.all(np.isin(names << 32 | rows[short], bearers))


def test_what_is_no_name_is_not_found(index: Index) -> None:
    _, keys = _text.names(["qzrtplugh", "plughqzrt", "Toronto"])
    found, names = index.find(keys)
    assert found.tolist() == [2]
    assert len(names) == 1
    assert [len(part) for part in index.find(keys[:0])] == [0, 0]


def test_a_letter_left_out_leads_to_a_word_that_is_known(index: Index) -> None:
    _, (short,) = _text.names(["amsterdm"])
    spot = np.searchsorted(index.typos, (short & KEY_MASK) | np.uint64("amsterdam".rindex("a")))
    assert index.typos[spot] & KEY_MASK == short & KEY_MASK
    assert index.meant[spot] == _text.split(["Amsterdam"]).keys[0]


def test_the_index_is_small() -> None:
    """At most 20 MB in the wheel, which packs its files a little tighter than this."""
    assert sum(len(zlib.compress(path.read_bytes(), 1)) for path in FOLDER.iterdir()) <= 20 * 2**20


def test_the_folder_holds_nothing_else() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {"manifest.json", *(f"{name}.npy" for name in ARRAYS)}


def test_whom_to_name_is_said() -> None:
    manifest = json.loads((FOLDER / "manifest.json").read_text())
    assert manifest["version"] == VERSION
    assert "GeoNames (CC BY 4.0)" in manifest["attribution"]
    notice = NOTICE.read_text()
    assert "GeoNames" in notice
    assert "geonames.org" in notice


# An index of one's own, and what is none.


def test_an_index_of_ones_own_is_found_beside_the_config(copy: Path) -> None:
    own = Embedded(Config(index=Path(copy.name)), Context("gazetteer", Path(), base_dir=copy.parent))
    assert own.locate(["Toronto, Canada"]) == Embedded(Config(), Context("gazetteer", Path())).locate(
        ["Toronto, Canada"]
    )


def test_no_index_is_a_mistake_of_the_config(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no gazetteer can be read in .*nowhere"):
        Embedded(Config(index=Path("nowhere")), Context("gazetteer", Path(), base_dir=tmp_path))


def test_a_file_is_no_index(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="no gazetteer can be read"):
        opened(tmp_path / "file")


@pytest.mark.parametrize("name", ["manifest.json", *(f"{name}.npy" for name in ARRAYS)])
def test_a_file_that_is_missing_is_told(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(ConfigError, match=f"no gazetteer can be read in .*{name}"):
        opened(copy)


@pytest.mark.parametrize("version", [0, VERSION + 1, None])
def test_another_layout_is_refused_with_what_to_do(copy: Path, version: int | None) -> None:
    manifest = json.loads((FOLDER / "manifest.json").read_text()) | {"version": version}
    put(copy, "manifest.json", json.dumps(manifest).encode())
    with pytest.raises(ConfigError, match=f"is not of layout {VERSION}, which this Tocsin reads .*README"):
        opened(copy)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"not json"])
def test_a_damaged_manifest_is_told(copy: Path, content: bytes) -> None:
    put(copy, "manifest.json", content)
    with pytest.raises(ConfigError, match="no gazetteer can be read"):
        opened(copy)


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


@pytest.mark.parametrize(
    "damaged",
    [
        half,
        lambda content: content[:-1],
        lambda content: content[:128],
        lambda content: content[:20],
        lambda content: content[:3],
        lambda content: b"",
        lambda content: b"\x00" * len(content),
        lambda content: b"PK\x03\x04" + content,
        lambda content: b"\x80\x04K\x01.",
    ],
    ids=["half", "last byte", "header only", "half a header", "3 bytes", "empty", "zeros", "zip", "pickle"],
)
@pytest.mark.parametrize("name", ["keys", "codes", "titles"])
def test_a_damaged_array_is_told_and_not_read(copy: Path, name: str, damaged: Callable[[bytes], bytes]) -> None:
    put(copy, f"{name}.npy", damaged((FOLDER / f"{name}.npy").read_bytes()))
    with pytest.raises(ConfigError, match="no gazetteer can be read"):
        opened(copy)


@pytest.mark.parametrize("name", ARRAYS)
def test_every_array_cut_in_half_is_told(copy: Path, name: str) -> None:
    put(copy, f"{name}.npy", half((FOLDER / f"{name}.npy").read_bytes()))
    with pytest.raises(ConfigError, match="no gazetteer can be read"):
        Embedded(Config(index=copy), Context("gazetteer", Path()))


def test_python_objects_are_not_loaded(copy: Path) -> None:
    np.save(copy.parent / "objects.npy", np.array([{}, None], dtype=object), allow_pickle=True)
    put(copy, "fame.npy", (copy.parent / "objects.npy").read_bytes())
    with pytest.raises(ConfigError, match="no gazetteer can be read"):
        opened(copy)
