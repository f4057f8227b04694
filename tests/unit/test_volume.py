"""The volume detector: what it finds, what it leaves alone, and what it costs nothing to be asked."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from tocsin.component import Context
from tocsin.detectors import volume
from tocsin.detectors._bank import SCALES, Bank, Windows
from tocsin.detectors._rhythm import Rhythm
from tocsin.detectors._silence import Silence
from tocsin.detectors._tail import Tail
from tocsin.detectors.volume import Config, Volume
from tocsin.errors import Corrupt
from tocsin.evaluate.judging import Judged, judge
from tocsin.severity import once_in, severity

AIRLINE = Path(__file__).parents[2].parent / "shared" / "data" / "airline" / "tweets.csv"
DAY, HOUR = 86_400, 3600


def made(**options: object) -> Volume:
    return Volume(Config.model_validate({"bucket": 300} | options), Context("volume", Path()))


def poisson(days: float, per_hour: list[float], *, bucket: int = 300, swing: float = 0.6, seed: int = 1) -> np.ndarray:
    """Counts (bucket, series), most at 15 h."""
    hour = np.arange(int(days * DAY / bucket))[:, None] * bucket / HOUR
    rates = np.array(per_hour) * bucket / HOUR * (1 + swing * np.cos(2 * np.pi * (hour - 15) / 24))
    return np.random.default_rng(seed).poisson(rates).astype(np.float32)


def planted(counts: np.ndarray, at_hour: float, hours: float, times: float, bucket: int = 300) -> np.ndarray:
    """Every mention of these hours `times` over."""
    counts = counts.copy()
    rows = slice(int(at_hour * HOUR / bucket), int((at_hour + hours) * HOUR / bucket))
    counts[rows] = np.random.default_rng(9).poisson(counts[rows].mean(axis=0) * times, counts[rows].shape)
    return counts


def found(judged: Judged, at_hour: float, hours: float, bucket: int = 300) -> np.ndarray:
    """Which series had a rise in these hours."""
    return judged.rise[int(at_hour * HOUR / bucket) : int((at_hour + hours) * HOUR / bucket)].any(axis=0)


@pytest.mark.parametrize("bucket", [10, 60, 300, 420, 900, 3600])
def test_windows_are_whole_whatever_the_bucket(bucket: int) -> None:
    bank = Bank(bucket, 1.0, 10)
    wanted = [scale.window for scale in SCALES if scale.window >= bucket]
    assert bank.seconds == pytest.approx(wanted, rel=0.07)
    assert all(length % bucket == 0 for length in bank.seconds)
    assert all(slow % fast == 0 for fast, slow in zip(bank.strides, bank.strides[1:], strict=False))
    assert max(bank.slots) <= 60


@pytest.mark.parametrize(("bucket", "days"), [(10, 1.3), (60, 2.2), (420, 4.2), (3600, 6.2)])
def test_it_finds_a_burst_with_buckets_of_any_length(bucket: int, days: float) -> None:
    at = (days - 0.2) * 24
    counts = planted(poisson(days, [20, 60], bucket=bucket), at, 4, 6, bucket)
    judged = judge(counts, Config(bucket=bucket))
    assert found(judged, at, 4, bucket).all()
    assert not judged.rise[: int(at * HOUR / bucket)].any()


def test_a_tenfold_burst_is_found_within_minutes() -> None:
    counts = poisson(3.1, [60] * 8, bucket=60, swing=0)
    start = 3 * DAY // 60
    counts[start:] *= 10
    judged = judge(counts, Config(bucket=60))
    delays = judged.rise[start:].argmax(axis=0) + 1
    assert judged.rise[start:].any(axis=0).all()
    assert np.median(delays) <= 5


@pytest.mark.parametrize(
    ("hours", "times", "window"), [(0.25, 12, 900), (1, 8, 3600), (24, 2.2, 86_400)], ids=["15 min", "1 h", "a day"]
)
def test_events_of_every_length_are_found_and_the_window_says_so(hours: float, times: float, window: int) -> None:
    counts = planted(poisson(11, [30]), 9 * 24, hours, times)
    detector, scales = made(), []
    detector.add([-1], [0])
    for number, row in enumerate(counts):
        readings = detector.step(number * 300, row, np.ones(1, np.bool_))
        if readings.alert[0] and number >= 9 * 288:
            scales.append(int(readings.scale[0]))
    assert scales
    assert max(scales) <= window


def test_presets_alert_less_and_less() -> None:
    random = np.random.default_rng(4)
    counts = poisson(10, [30] * 60, bucket=900) * random.gamma(0.5, 2, (960, 60)).round()
    presets = [Config(bucket=900, sensitivity=name) for name in ("balanced", "quiet", "strict")]
    alerts = [judge(counts, config).rise.sum() for config in presets]
    assert alerts[0] > alerts[1] > alerts[2]


def test_what_is_over_does_not_linger_in_the_long_windows() -> None:
    counts = planted(poisson(6, [30, 120]), 100, 2, 12)
    judged = judge(counts, Config(bucket=300))
    assert found(judged, 100, 1).all()
    assert (judged.score[int(107.5 * 12) :] < 0.5).all()


def test_a_slow_rise_goes_on_as_long_as_it_lasts() -> None:
    counts = planted(poisson(9, [30, 120]), 7 * 24, 36, 3)
    judged = judge(counts, Config(bucket=300))
    assert (judged.score[7 * 288 + 72 : 7 * 288 + 36 * 12] >= 0.5).mean() > 0.9


@pytest.mark.parametrize(("minutes", "alerts"), [(15, False), (60, True)])
def test_fewer_than_ten_mentions_never_alert(minutes: int, alerts: bool) -> None:
    counts = np.zeros((5 * 288, 1), np.float32)
    counts[::288] = 1
    start, length = 4 * 288 + 100, minutes // 5
    counts[start : start + length] = 15 / length if alerts else 8 / length
    assert judge(counts, Config(bucket=300)).rise.any() == alerts


def test_a_window_is_neither_judged_nor_learned_before_it_is_full() -> None:
    detector, learned = made(), {}
    detector.add([-1], [0])
    for number, row in enumerate(poisson(2.2, [60])):
        detector.step(number * 300, row, np.ones(1, np.bool_))
        learned[number + 1] = detector.blocks[0].bank.past.learned[:, 0].tolist()
    assert learned[5][0] == 0
    assert learned[6][0] == 1
    assert learned[23][1] == 0
    assert learned[24][1] == 1
    assert learned[2 * 288 - 9][-1] == 0
    assert learned[2 * 288 + 9][-1] in (1, 2)


def test_a_blind_bucket_does_not_alert_even_where_a_long_window_is_judged_at_its_end() -> None:
    counts = planted(poisson(9, [60] * 4, swing=0), 8 * 24, 24, 1.7)
    day_ends = (np.arange(len(counts)) + 1) % 9 == 0
    alerts = {}
    for blind in (False, True):
        detector = made()
        detector.add([-1] * 4, [0] * 4)
        seen = ~day_ends & blind | (not blind)
        alerts[blind] = [
            detector.step(number * 300, row, np.full(4, visible)).alert.sum()
            for number, (row, visible) in enumerate(zip(counts, seen, strict=True))
        ]
    assert np.array(alerts[False])[day_ends].any()
    assert not np.array(alerts[True])[day_ends].any()


def test_min_count_is_the_users() -> None:
    counts = planted(poisson(4.1, [4]), 96, 1, 6)
    assert judge(counts, Config(bucket=300)).rise.any()
    assert not judge(counts, Config(bucket=300, min_count=500)).rise.any()


def test_a_rise_by_less_than_half_does_not_alert_however_sure_it_is() -> None:
    hour = np.arange(6 * 288)[:, None] / 12
    counts = (1000 * (1 + 0.3 * np.cos(2 * np.pi * (hour - 15) / 24))).astype(np.float32)
    counts[5 * 288 :] *= 1.4
    assert not judge(counts, Config(bucket=300)).rise.any()
    counts[5 * 288 :] *= 1.2
    assert judge(counts, Config(bucket=300)).rise.any()


def test_silence_of_something_busy_is_a_fall() -> None:
    counts = poisson(7, [600, 0.75])
    counts[6 * 288 :] = 0
    judged = judge(counts, Config(bucket=300))
    assert judged.fall[6 * 288 : 6 * 288 + 24, 0].any()
    assert not judged.fall[:, 1].any()
    assert not judged.fall[: 6 * 288].any()


def test_a_higher_level_stops_alerting_within_days() -> None:
    counts = poisson(24, [6, 60, 300], bucket=900)
    counts[14 * 96 :] = poisson(10, [30, 300, 1500], bucket=900, seed=2)
    judged = judge(counts, Config(bucket=900))
    assert judged.rise[14 * 96 : 15 * 96].any(axis=0).all()
    assert not judged.rise[16 * 96 :].any()


def test_after_a_lasting_fall_bursts_are_found_again_at_the_lower_level() -> None:
    counts = poisson(20, [120] * 12, bucket=900)
    counts[14 * 96 :] = poisson(6, [30] * 12, bucket=900, seed=2)
    judged = judge(planted(counts, 17 * 24 + 12, 3, 5, 900), Config(bucket=900))
    assert judged.fall[14 * 96 : 15 * 96].any(axis=0).all()
    assert found(judged, 17 * 24 + 12, 4, 900).mean() >= 0.75
    assert not judged.fall[16 * 96 :].any()


def test_the_share_finds_what_the_hour_of_day_hides() -> None:
    """A topic that trebles while the total stays as it is, at a time of day when both always rise."""
    counts = poisson(8, [12, 240], swing=0.9)
    counts[:, 1] += counts[:, 0]
    at = 7 * 288 + 9 * 12
    counts[at : at + 18, 0] += np.float32(1.7)
    alone, beside = (judge(counts, Config(bucket=300), parents=parents) for parents in ([-1, -1], [1, -1]))
    assert found(beside, 7 * 24 + 9, 1.5).tolist() == [True, False]
    assert not found(alone, 7 * 24 + 9, 1.5).any()
    assert not beside.rise[:at].any()


def test_siblings_teach_a_new_series_the_rhythm_of_the_day() -> None:
    rhythm = Rhythm("UTC", 3600)
    rhythm.add([0] * 6 + [1])
    for hour in range(24 * 20):
        factors = rhythm.turn(hour * HOUR)
        rhythm.learn(np.full(7, 400 if hour % 24 == 3 else 40, np.float32), np.ones(7, np.float32))
    rhythm.add([0, 2])
    night, day = rhythm.turn(480 * HOUR + 3 * HOUR), rhythm.turn(480 * HOUR + 12 * HOUR)
    assert factors.size == 7
    assert night[7] > 3 * day[7]
    assert night[8] < day[8]


def test_the_rhythm_follows_the_zone_through_its_change_of_clocks() -> None:
    rhythm = Rhythm("Europe/Berlin", 3600)
    winter, summer = (int(datetime(2026, month, 1, 12, tzinfo=UTC).timestamp()) for month in (1, 7))
    assert rhythm.local(winter) - winter == HOUR
    assert rhythm.local(summer) - summer == 2 * HOUR


def test_a_blind_hour_teaches_nothing() -> None:
    seen, blind = Rhythm("UTC", 3600), Rhythm("UTC", 3600)
    for rhythm in (seen, blind):
        rhythm.add([0])
        for hour in range(48):
            rhythm.turn(hour * HOUR)
            rhythm.learn(np.full(1, 50, np.float32), np.ones(1, np.float32))
        rhythm.turn(48 * HOUR)
    before = blind.hours.factor.copy()
    blind.learn(np.zeros(1, np.float32), np.zeros(1, np.float32))
    blind.turn(49 * HOUR)
    np.testing.assert_array_equal(blind.hours.factor, before)


def test_window_sums_are_exact_after_something_huge() -> None:
    windows = Windows.of(1, 3, 2)
    windows.grow(1)
    for number, (mentions, factor) in enumerate([(1, 0.3), (2, 24), (1e12, 0.05), (3, 0.7), (0, 0.07), (7, 0.9)]):
        windows.pending[0, :, 0] = mentions, factor
        windows.close(np.array([0]), np.array([number % 3]))
    assert windows.sums[0, :, 0].tolist() == [10, sum(float(np.float32(factor)) for factor in (0.7, 0.07, 0.9))]


def test_only_a_fat_tail_moves_the_threshold_and_at_most_threefold() -> None:
    tail = Tail.of(1)
    tail.grow(3)
    step, part = np.array([[900]], np.float32), np.array([[1.0]], np.float32)
    for number in range(3000):
        tail.learn(1, np.array([[1.5, 8.0 if number % 20 == 0 else 1.0, 9.0]], np.float32), step, part)
    assert tail.factor[0, 0] == 1
    assert np.float32(1 / 3) <= tail.factor[0, 1] < 0.8
    assert tail.factor[0, 2] == np.float32(1 / 3)


def test_an_alert_silences_its_own_scale_and_slower_ones_for_their_windows() -> None:
    silence = Silence([900, 3600, 86_400])
    silence.until.grow(1)
    up, no = np.ones((3, 1), np.bool_), np.zeros((3, 1), np.bool_)
    hourly, daily = no.copy(), no.copy()
    hourly[1], daily[2] = True, True
    assert silence.alerts(0, hourly, no)[0]
    assert not silence.alerts(6 * HOUR - 1, up, no)[0]
    assert not silence.alerts(DAY - 1, daily, no)[0]
    assert silence.alerts(DAY, daily, no)[0]
    assert silence.alerts(DAY + 6 * HOUR, hourly, no)[0]


def test_rises_and_falls_are_silent_apart() -> None:
    silence = Silence([900])
    silence.until.grow(1)
    one, no = np.ones((1, 1), np.bool_), np.zeros((1, 1), np.bool_)
    assert silence.alerts(0, one, no)[0]
    assert silence.alerts(300, one, one)[0]
    assert not silence.alerts(600, one, one)[0]


def test_blocks_are_only_a_matter_of_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = planted(poisson(3, [6, 30, 60, 600, 12, 3, 9]), 60, 2, 8)
    parents, groups = [3, 3, 3, -1, 6, 0, -1], [0, 0, 1, 1, 0, 0, 1]
    whole = judge(counts, Config(bucket=300), parents=parents, groups=groups)
    monkeypatch.setattr(volume, "BLOCK", 3)
    cut = judge(counts, Config(bucket=300), parents=parents, groups=groups)
    np.testing.assert_array_equal(cut.score, whole.score)
    np.testing.assert_array_equal(cut.rise, whole.rise)
    saved, loaded = made(), made()
    saved.add(parents, groups)
    saved.step(0, counts[0], np.ones(7, np.bool_))
    loaded.load(saved.save())
    assert loaded.save() == saved.save()


def test_learning_ends_after_a_day_that_was_seen() -> None:
    detector = made()
    detector.add([-1, -1], [0, 0])
    visible = np.array([True, False])
    for number in range(288):
        assert detector.learning.all()
        detector.step(number * 300, np.ones(2, np.float32), visible)
    assert detector.learning.tolist() == [False, True]


def test_saved_state_of_another_bucket_or_zone_is_refused_and_another_sensitivity_is_not() -> None:
    detector = made()
    detector.add([-1], [0])
    saved = detector.save()
    made(sensitivity="strict", min_count=3).load(saved)
    for other in (made(bucket=60), made(zone="Asia/Tokyo")):
        with pytest.raises(Corrupt, match="bucket of 300 s in the zone UTC"):
            other.load(saved)


@pytest.mark.parametrize(
    "wrong",
    [
        {"bucket": 5},
        {"bucket": "2h"},
        {"bucket": 30.5},
        {"zone": "Mars/Base"},
        {"sensitivity": "wild"},
        {"min_count": 0},
    ],
)
def test_options_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate(wrong)


def test_severity_and_rarity_grow_with_the_score() -> None:
    scores = [0, 0.4, 0.5, 0.8, 1, 1.5, 2, 3, 5, 50, 1e9]
    severities = [severity(score) for score in scores]
    assert severities == sorted(severities)
    assert (severities[0], severities[4], severities[-1]) == (0, 39, 100)
    rarities = [once_in(score) for score in scores]
    assert rarities == sorted(rarities)
    assert once_in(1.0) == pytest.approx(7 * DAY / 0.89)


def airline_counts() -> tuple[list[str], list[int], int, np.ndarray]:
    """Six totals and nine topics of each, in 5 minutes: names, parents, start, counts."""
    topics = {name: (name,) for name in ("cancel", "delay", "book", "refund", "wifi", "seat", "gate")}
    topics |= {"phone": ("hold", "phone"), "luggage": ("luggage", "bag")}
    names, parents = [], []
    for total in ("all", "United", "US Airways", "Southwest", "Delta", "Virgin America"):
        parents += [0 if total != "all" else -1] + [len(names)] * len(topics)
        names += [total, *(f"{total}/{topic}" for topic in topics)]
    with AIRLINE.open(encoding="utf-8", newline="") as lines:
        posts = {row["tweet_id"]: row for row in csv.DictReader(lines)}
    cells = []
    for post in posts.values():
        if post["airline"] not in names:
            continue
        at = int(datetime.strptime(post["tweet_created"], "%Y-%m-%d %H:%M:%S %z").timestamp()) // 300
        about = [topic for topic, words in topics.items() if any(word in post["text"].lower() for word in words)]
        for total in ("all", post["airline"]):
            cells += [(at, names.index(name)) for name in (total, *(f"{total}/{topic}" for topic in about))]
    first, last = min(cells)[0], max(cells)[0]
    counts = np.zeros((last - first + 1, len(names)))
    for at, number in cells:
        counts[at - first, number] += 1
    return names, parents, first * 300, counts


@pytest.mark.real_data
@pytest.mark.skipif(not AIRLINE.exists(), reason="the airline posts are not beside the project")
def test_the_storm_of_february_2015_is_found_and_not_drowned() -> None:
    names, parents, start, counts = airline_counts()
    config = Config(bucket=300, zone="America/Los_Angeles")
    judged = judge(counts, config, start=start, parents=parents)
    pacific = timezone(timedelta(hours=-8))

    def ended(bucket: int) -> datetime:
        return datetime.fromtimestamp(start + (bucket + 1) * 300, pacific)

    alerts = judged.rise | judged.fall
    storm = datetime(2015, 2, 21, tzinfo=pacific)
    before = int((storm.timestamp() - start) // 300)
    cancelled = ended(int(np.flatnonzero(judged.rise[before:, names.index("all/cancel")])[0]) + before)
    assert cancelled <= datetime(2015, 2, 21, 8, 0, tzinfo=pacific)
    assert len(names) == 60
    assert alerts[:before].sum() <= 4
    assert alerts.sum() <= 30


def test_weekends_are_told_apart_from_the_week_after_one_of_each() -> None:
    random = np.random.default_rng(5)
    day = np.arange(28 * 288) // 288
    weekend = (day + 3) % 7 >= 5
    counts = random.poisson(np.where(weekend, 4.0, 10.0))[:, None] * np.ones((1, 3))
    detector = Volume(Config(bucket=300), Context("test", Path()))
    detector.add([-1] * 3, [0] * 3)
    for number, row in enumerate(counts.astype(np.float32)):
        detector.step(number * 300, row, np.ones(3, np.bool_))
    week, end = detector.rhythm.hours.day_factor[:, 0]
    assert 0.35 < end / week < 0.55


def looked(detector: Volume, at: int, per_bucket: float, first: int) -> int | None:
    """Seconds from `at` on until a look every ten seconds, or a step, alerts; buckets close two minutes late."""
    for now in range(at + 10, at + 1200, 10):
        closed = (now - 120) // 60 * 60
        while detector.last is not None and detector.last + 60 < closed:
            start = detector.last + 60
            count = np.array([per_bucket if start >= at else first], np.float32)
            if detector.step(start, count, np.array([True])).alert[0]:
                return now - at
        assert detector.last is not None
        opened = now - max(detector.last + 60, at)
        found = detector.look(now, np.array([per_bucket * opened / 60], np.float32), np.array([True]))
        if found is not None and found.alert[0]:
            return now - at
    return None


def test_a_tenfold_burst_is_seen_before_its_buckets_are_over() -> None:
    delays = []
    for seed in range(9):
        detector = Volume(Config(), Context("test", Path()))
        detector.add([-1], [0])
        counts = np.random.default_rng(seed).poisson(1, 4 * 1440)
        for number, count in enumerate(counts):
            detector.step(number * 60, np.array([count], np.float32), np.array([True]))
        delays.append(looked(detector, len(counts) * 60, 10, 1) or 9999)
    assert np.median(delays) <= 180


def test_a_look_learns_nothing_and_its_alert_silences() -> None:
    detector = Volume(Config(), Context("test", Path()))
    detector.add([-1], [0])
    counts = np.random.default_rng(1).poisson(1, 3 * 1440)
    for number, count in enumerate(counts):
        detector.step(number * 60, np.array([count], np.float32), np.array([True]))
    before, at, visible = detector.save(), len(counts) * 60, np.array([True])
    assert detector.look(at + 30, np.array([1], np.float32), visible) is None
    assert detector.save() == before
    first = detector.look(at + 60, np.array([80], np.float32), visible)
    again = detector.look(at + 70, np.array([90], np.float32), visible)
    assert first is not None
    assert again is not None
    assert (bool(first.alert[0]), bool(again.alert[0])) == (True, False)
    window = counts[(at + 60 - int(first.scale[0])) // 60 :]
    assert first.value[0] == window.sum() + 80
    assert not detector.step(at, np.array([90], np.float32), visible).alert[0]
