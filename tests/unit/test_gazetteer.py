"""The gazetteer in the wheel: what people write as their place, and where that is taken to be."""

from __future__ import annotations

import pytest
from tests.helpers.gazetteer import answer, distance, geocoder, located

from tocsin.gazetteer.embedded import Embedded
from tocsin.model import Place

NOWHERE = [
    "", "   ", "...", "???", "✨", "🌍", "🌎🌍🌏", "😀😀", "12345", "18+", "localhost", "/dev/null", "~/",
    "Neverland", "127.0.0.1",
    "404 not found", "null", "None", "N/A", "the moon", "on the moon", "The Moon", "Mars", "Saturn", "Earth",
    "planet earth", "Milky Way", "outer space", "your heart", "in ur heart", "In your head", "in my mind",
    "in your dreams", "under your bed", "behind you", "mind your business", "my bed", "home", "here",
    "somewhere", "nowhere", "everywhere", "everywhere and nowhere", "Worldwide", "Global", "internet",
    "the internet", "Cyberspace", "metaverse", "Twitter", "she/her", "She/Her", "he/him", "they/them",
    "she/they", "any pronouns", "DM for promo", "link in bio", "lol", "Hogwarts", "Gotham City", "Wakanda",
    "Middle Earth", "Westeros", "Atlantis", "Hell", "heaven", "Cloud 9", "the void", "@london",
    "https://london.example/", "qzrtplugh", "in", "us",
]  # fmt: skip


@pytest.fixture(scope="module")
def local() -> Embedded:
    return geocoder()


# One town, written in many ways.


@pytest.mark.parametrize(
    "text",
    [
        "Toronto",
        "toronto",
        "TORONTO",
        "  Toronto \n",
        "Toronto, Canada",
        "toronto canada",
        "Toronto, Ontario",
        "Toronto, ON",
        "Toronto, Ontario, Canada",
        "Toronto (Canada)",
        "Toronto - Canada",
        "Toronto 🇨🇦",
        "🇨🇦 Toronto",
        "🇨🇦Toronto",
        "#Toronto",
        "Toronto!",
        "Toronto 📍",
        "📍 Toronto",
        "@someone Toronto",
        "Toronto https://shop.example/",
        "Ｔｏｒｏｎｔｏ",
        "living in Toronto",
        "Living in Toronto, Canada",
        "from Toronto",
        "based in Toronto",
        "Canada | Toronto",
        "Toronto | Canada",
    ],
)
def test_a_town_is_found_however_it_is_written(local: Embedded, text: str) -> None:
    assert answer(local, text) == ("Toronto", "CA", "city")
    assert distance(located(local, text) or Place(), 43.7, -79.4) < 20


@pytest.mark.parametrize(
    ("text", "name", "country"),
    [
        ("Paris, Texas", "Paris", "US"),
        ("Paris TX", "Paris", "US"),
        ("paris, tx", "Paris", "US"),
        ("Boone NC", "Boone", "US"),
        ("boone nc", "Boone", "US"),
        ("Portland, Maine", "Portland", "US"),
        ("London, Ontario", "London", "CA"),
        ("london ontario", "London", "CA"),
        ("London, UK", "London", "GB"),
        ("London, England", "London", "GB"),
        ("Perth, Scotland", "Perth", "GB"),
        ("Perth", "Perth", "AU"),
        ("Sydney, NSW", "Sydney", "AU"),
        ("Sydney, Nova Scotia", "Sydney", "CA"),
        ("Vancouver, WA", "Vancouver", "US"),
        ("Vancouver, BC", "Vancouver", "CA"),
        ("Dublin, Ohio", "Dublin", "US"),
        ("Dublin, Ireland", "Dublin", "IE"),
        ("Athens, GA", "Athens", "US"),
        ("Athens, Greece", "Athens", "GR"),
        ("Rome, Georgia", "Rome", "US"),
        ("Rome, Italy", "Rome", "IT"),
        ("Tbilisi, Georgia", "Tbilisi", "GE"),
        ("Atlanta, Georgia", "Atlanta", "US"),
        ("Moscow, Idaho", "Moscow", "US"),
        ("Tripoli, Lebanon", "Tripoli", "LB"),
        ("Tripoli, Libya", "Tripoli", "LY"),
        ("Hyderabad, Pakistan", "Hyderabad", "PK"),
        ("Hyderabad, India", "Hyderabad", "IN"),
        ("Springfield, IL", "Springfield", "US"),
        ("Cambridge, MA", "Cambridge", "US"),
        ("Cambridge, UK", "Cambridge", "GB"),
        ("Denver, Colorado, USA", "Denver", "US"),
        ("Germany, Hamburg", "Hamburg", "DE"),
        ("Leeds \U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "Leeds", "GB"),
        ("Marseille 🇫🇷", "Marseille", "FR"),
    ],
)
def test_a_state_or_a_country_says_which_town(local: Embedded, text: str, name: str, country: str) -> None:
    assert answer(local, text) == (name, country, "city")


@pytest.mark.parametrize(
    ("one", "other"),
    [("Springfield, IL", "Springfield, MA"), ("Portland, OR", "Portland, ME"), ("Birmingham, AL", "Birmingham, UK")],
)
def test_towns_of_one_name_lie_apart(local: Embedded, one: str, other: str) -> None:
    here, there = located(local, one), located(local, other)
    assert here is not None
    assert there is not None
    assert here.name == there.name
    assert distance(here, there.lat or 0, there.lon or 0) > 500


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Stratford-upon-Avon", "Stratford-upon-Avon"),
        ("stratford upon avon", "Stratford-upon-Avon"),
        ("ft worth tx", "Fort Worth"),
        ("Ft. Worth, Texas", "Fort Worth"),
        ("LosAngeles CA", "Los Angeles"),
        ("NewYorkCity", "New York City"),
        ("N.Y.C.", "New York City"),
        ("N Y C", "New York City"),
        ("NYC", "New York City"),
        ("Washington D.C.", "Washington"),
        ("Washington, DC", "Washington"),
        ("Bombay", "Mumbai"),
        ("Saigon", "Ho Chi Minh City"),
        ("Bangalore", "Bengaluru"),
        ("Wien", "Vienna"),
        ("Firenze", "Florence"),
        ("sao paulo", "São Paulo"),
        ("SÃO PAULO", "São Paulo"),
        ("Munchen", "Munich"),
        ("Muenchen", "Munich"),
        ("Lodz", "Łódź"),
        ("ISTANBUL", "Istanbul"),
        ("İstanbul", "Istanbul"),
    ],
)
def test_other_names_and_spellings_of_a_town(local: Embedded, text: str, name: str) -> None:
    assert answer(local, text)[::2] == (name, "city")


# Areas.


@pytest.mark.parametrize(
    ("text", "name", "country", "level"),
    [
        ("Germany", "Germany", "DE", "country"),
        ("Deutschland", "Germany", "DE", "country"),
        ("united kingdom", "United Kingdom", "GB", "country"),
        ("UK", "United Kingdom", "GB", "country"),
        ("🇯🇵", "Japan", "JP", "country"),
        ("🇬🇧", "United Kingdom", "GB", "country"),
        ("Türkiye", "Turkey", "TR", "country"),
        ("Scotland", "Scotland", "GB", "region"),
        ("\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f", "Scotland", "GB", "region"),
        ("Texas", "Texas", "US", "region"),
        ("texas, usa", "Texas", "US", "region"),
        ("Washington State", "Washington", "US", "region"),
        ("Georgia, USA", "Georgia", "US", "region"),
        ("Hokkaido", "Hokkaido", "JP", "region"),
        ("NY", "New York", "US", "region"),
    ],
)
def test_areas(local: Embedded, text: str, name: str, country: str, level: str) -> None:
    assert answer(local, text) == (name, country, level)


@pytest.mark.parametrize(
    ("text", "name", "country"),
    [
        ("Qzrtville, Ventura County, CA", "Ventura County", "US"),
        ("Qzrtville, Harris County, TX", "Harris County", "US"),
        ("Qzrtford, Norfolk, England", "Norfolk", "GB"),
        ("Qzrtford, Lancashire, England", "Lancashire", "GB"),
        ("Qzrtville, Queensland, Australia", "Queensland", "AU"),
        ("Qzrtville, Bavaria, Germany", "Bavaria", "DE"),
        ("Qzrtville, Ontario, Canada", "Ontario", "CA"),
    ],
)
def test_an_unknown_village_is_in_the_area_that_is_named(local: Embedded, text: str, name: str, country: str) -> None:
    assert answer(local, text) == (name, country, "region")


def test_a_name_is_a_town_beside_its_area(local: Embedded) -> None:
    assert answer(local, "New York, NY") == ("New York City", "US", "city")
    assert answer(local, "Delaware, OH") == ("Delaware", "US", "city")
    assert answer(local, "Oklahoma City, Oklahoma") == ("Oklahoma City", "US", "city")
    assert answer(local, "Mexico City, Mexico") == ("Mexico City", "MX", "city")


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("New York", "US"),
        ("Delaware", "US"),
        ("Luxembourg", "LU"),
        ("Luxembourg 🇱🇺", "LU"),
        ("Singapore", "SG"),
        ("singapore", "SG"),
        ("Djibouti", "DJ"),
        ("Monaco", "MC"),
        ("Panama", "PA"),
        ("Guatemala", "GT"),
        ("Kuwait", "KW"),
        ("Hong Kong", "HK"),
    ],
)
def test_a_name_of_a_town_and_of_its_area_is_in_the_country(local: Embedded, text: str, country: str) -> None:
    assert answer(local, text)[1] == country


# Several places in one text.


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Paris ✈ Tokyo", "Paris"),
        ("Paris ✈️ Tokyo", "Paris"),
        ("Tokyo / Paris", "Tokyo"),
        ("Lagos → London", "Lagos"),
        ("Rome | Oslo", "Rome"),
        ("Tokyo, Japan / Oslo, Norway", "Tokyo"),
    ],
)
def test_of_several_places_the_first_is_taken(local: Embedded, text: str, name: str) -> None:
    assert answer(local, text)[::2] == (name, "city")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("UK | London", "London"),
        ("USA | Chicago", "Chicago"),
        ("England / Leeds", "Leeds"),
        ("Texas | Houston", "Houston"),
        ("Bavaria / Munich", "Munich"),
        ("🇦🇺 / Sydney", "Sydney"),
    ],
)
def test_the_finer_of_two_parts_is_taken(local: Embedded, text: str, name: str) -> None:
    assert answer(local, text)[::2] == (name, "city")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Rome / living in Oslo", "Oslo"),
        ("born in Oslo | living in Rome", "Rome"),
        ("Originally from Cork / now in Boston", "Boston"),
    ],
)
def test_where_somebody_lives_comes_before_where_they_are_from(local: Embedded, text: str, name: str) -> None:
    assert answer(local, text)[0] == name


# What is not sure.


@pytest.mark.parametrize("text", ["Springfield", "springfield", "Greenville", "Springfield, USA"])
def test_a_name_of_many_towns_gives_the_country_that_they_share(local: Embedded, text: str) -> None:
    assert answer(local, text) == ("United States", "US", "country")
    readings = local.readings(text)
    assert len({(reading.place.lat, reading.place.lon) for reading in readings}) >= 5
    assert max(reading.place.confidence or 0 for reading in readings) < 0.5


@pytest.mark.parametrize("town", ["Louisville", "Chicago", "Seattle", "Denver"])
def test_a_country_that_does_not_fit_makes_less_sure(local: Embedded, town: str) -> None:
    assert chance(local, f"{town}, Belize", town) < chance(local, f"{town}, USA", town)


def chance(local: Embedded, text: str, town: str) -> float:
    """How probable it is that the text means the American town."""
    readings = [reading.place for reading in local.readings(text)]
    return max((place.confidence or 0 for place in readings if (place.name, place.country) == (town, "US")), default=0)


@pytest.mark.parametrize("text", NOWHERE)
def test_what_is_no_place_is_nowhere(local: Embedded, text: str) -> None:
    assert located(local, text) is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("San Fransisco", "San Francisco"),
        ("Toronot", "Toronto"),
        ("Melbourne Austrailia", "Melbourne"),
        ("Philadephia", "Philadelphia"),
        ("philadelpia", "Philadelphia"),
        ("Melborne", "Melbourne"),
        ("Amsterdm", "Amsterdam"),
        ("Johanesburg", "Johannesburg"),
        ("Liverpol", "Liverpool"),
        ("Edinbrugh", "Edinburgh"),
        ("Cincinnatti", "Cincinnati"),
        ("Copenhagn", "Copenhagen"),
        ("Stockhom", "Stockholm"),
        ("Austrailia", "Australia"),
        ("Argentinna", "Argentina"),
        ("Singapoer", "Singapore"),
    ],
)
def test_one_letter_may_be_wrong(local: Embedded, text: str, name: str) -> None:
    assert answer(local, text)[0] == name
    assert (located(local, text) or Place()).confidence != 1


@pytest.mark.parametrize("text", ["Amstrdm", "Ornge", "Xelbourne", "my amsterdm trip is great", "Melb0urne"])
def test_more_is_not_forgiven(local: Embedded, text: str) -> None:
    """Two letters, the first letter, a short word, a word among everyday ones, a digit."""
    assert located(local, text) is None


# Scripts.


@pytest.mark.parametrize(
    ("text", "name", "country"),
    [
        ("Москва", "Moscow", "RU"),
        ("москва, россия", "Moscow", "RU"),
        ("Київ", "Kyiv", "UA"),
        ("Нижний Новгород", "Nizhniy Novgorod", "RU"),
        ("Αθήνα", "Athens", "GR"),
        ("ΑΘΗΝΑ", "Athens", "GR"),
        ("القاهرة", "Cairo", "EG"),
        ("القاهره، مصر", "Cairo", "EG"),
        ("تهران", "Tehran", "IR"),
        ("תל אביב", "Tel Aviv", "IL"),
        ("東京", "Tokyo", "JP"),
        ("東京都", "Tokyo", "JP"),
        ("ロンドン", "London", "GB"),
        ("ﾛﾝﾄﾞﾝ", "London", "GB"),
        ("上海, 中国", "Shanghai", "CN"),
        ("北京市", "Beijing", "CN"),
        ("서울", "Seoul", "KR"),
        ("부산, 대한민국", "Busan", "KR"),
        ("กรุงเทพ", "Bangkok", "TH"),
        ("दिल्ली", "Delhi", "IN"),
        ("ঢাকা", "Dhaka", "BD"),
        ("ਅੰਮ੍ਰਿਤਸਰ", "Amritsar", "IN"),
        ("சென்னை", "Chennai", "IN"),
        ("ಬೆಂಗಳೂರು", "Bengaluru", "IN"),
        ("കൊച്ചി", "Kochi", "IN"),
        ("Երևան", "Yerevan", "AM"),
        ("თბილისი", "Tbilisi", "GE"),
        ("አዲስ አበባ", "Addis Ababa", "ET"),
        ("ភ្នំពេញ", "Phnom Penh", "KH"),
        ("ရန်ကုန်", "Yangon", "MM"),
        ("ວຽງຈັນ", "Vientiane", "LA"),
        ("කොළඹ", "Colombo", "LK"),
        ("Hà Nội", "Hanoi", "VN"),
    ],
)
def test_every_script_is_read(local: Embedded, text: str, name: str, country: str) -> None:
    assert answer(local, text)[:2] == (name, country)
