"""The score of the Numenta Anomaly Benchmark, against detectors whose score is known."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from tests.helpers.nab import write
from typer.testing import CliRunner

from tocsin.cli import app
from tocsin.detectors.volume import Config
from tocsin.errors import ConfigError
from tocsin.evaluate import nab
from tocsin.evaluate.judging import WEEK, Judged, detector
from tocsin.evaluate.nab import File, Profile
from tocsin.evaluate.spread import spread

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "nab"
STANDARD = Profile()


def file(rows: int = 10_000, windows: tuple[tuple[int, int], ...] = ((2000, 2999), (6000, 6499))) -> File:
    times = np.arange(rows) * 300
    labels = tuple(int(times[(first + last) // 2]) for first, last in windows)
    return File("made", times, np.ones(rows), windows, labels)


def at(*rows: int, length: int = 10_000) -> np.ndarray:
    detected = np.zeros(length, np.bool_)
    detected[list(rows)] = True
    return detected


def test_nothing_detected_is_0() -> None:
    for profile in (STANDARD, Profile(miss=2.0), Profile(false_alarm=0.22)):
        assert nab.score([file()], [at()], profile).score == 0


def test_the_first_row_of_every_window_and_nothing_else_is_100() -> None:
    for profile in (STANDARD, Profile(miss=2.0), Profile(false_alarm=0.22)):
        score = nab.score([file()], [at(2000, 6000)], profile)
        assert score.score == pytest.approx(100)
        assert (score.found, score.windows, score.false_alarms_per_week) == (2, 2, 0)


def test_a_hit_is_worth_less_the_later_it_is() -> None:
    middle, end = (nab.score([file()], [at(row, 6000)], STANDARD).score for row in (2500, 2999))
    sigma = 2 / (1 + np.exp(-2.5)) - 1
    assert middle == pytest.approx(100 - 25 * (1 - sigma / nab._sigma(-1)))
    assert end == pytest.approx(75, abs=0.1)


def test_only_the_first_hit_of_a_window_counts() -> None:
    one, many = (nab.score([file()], [at(*rows)], STANDARD).score for rows in ((2100,), range(2100, 3000)))
    assert one == many


@pytest.mark.parametrize(("row", "cost"), [(1000, 1.0), (5998, 1.0), (3000, 0.0025), (3999, 0.9866)])
def test_a_false_alarm_costs_more_the_farther_it_is_behind_a_window(row: int, cost: float) -> None:
    score = nab.score([file()], [at(row)], STANDARD)
    assert score.score == pytest.approx(-100 * 0.11 * cost / 4, rel=1e-2)
    assert score.false_alarms_per_week == pytest.approx(1 / ((10_000 - 1 - 750) * 300 / WEEK))


def test_every_false_alarm_counts_and_a_profile_may_double_it() -> None:
    one, three = (nab.score([file()], [at(*rows)], STANDARD).score for rows in ((1000,), (1000, 1001, 1002)))
    double = nab.score([file()], [at(1000)], Profile(false_alarm=0.22)).score
    assert three == pytest.approx(3 * one)
    assert double == pytest.approx(2 * one)


def test_the_start_of_a_file_does_not_count() -> None:
    assert file().probation == 750
    assert file(rows=2000, windows=((1000, 1200),)).probation == 300
    assert nab.score([file()], [at(*range(750))], STANDARD).score == 0
    assert nab.score([file()], [at(750)], STANDARD).score < 0


def test_the_delay_is_from_the_label() -> None:
    assert nab.score([file()], [at(2499, 6260)], STANDARD).delays == (0, 11 * 300)


def judged(files: list[File], *peaks: tuple[int, int, float]) -> Judged:
    """A score of 0 but for `peaks`: row, file, score."""
    score = np.zeros((len(files[0].times), len(files)), np.float32)
    for row, number, height in peaks:
        score[row, number] = height
    none = np.zeros(score.shape, np.bool_)
    return Judged(score, none, score >= 1, none)


def test_the_spread_says_what_single_files_do_to_the_score() -> None:
    files = [file(), file(), file()]
    equal = judged(files, *((row, number, 2.0) for row in (2000, 6000) for number in range(3)))
    found = spread(files, equal, nab.at_rows(files, equal.rise, 300), STANDARD, 300)
    assert found.lowest_without_one == found.highest_without_one == pytest.approx(100)
    assert (found.standard_error, found.one_out, found.two_folds) == pytest.approx((0, 100, 100))
    one_misses = judged(files, *((row, number, 2.0) for row in (2000, 6000) for number in range(2)))
    found = spread(files, one_misses, nab.at_rows(files, one_misses.rise, 300), STANDARD, 300)
    assert (found.lowest_without_one, found.highest_without_one) == pytest.approx((50, 100))
    assert found.standard_error == pytest.approx(100 / 3)


def test_a_threshold_that_others_chose_may_not_fit() -> None:
    """The false alarms of the outer files are higher than the hits of the one between."""
    files = [file(), file(), file()]
    hits = [(row, number, height) for row in (2000, 6000) for number, height in ((0, 2.9), (1, 1.2), (2, 2.9))]
    found = judged(files, *hits, *((row, number, 1.5) for row in range(800, 1900, 100) for number in (0, 2)))
    rows = nab.at_rows(files, found.rise, 300)
    fitted = spread(files, found, rows, STANDARD, 300)
    assert fitted.two_folds == pytest.approx(nab.score(files, rows, STANDARD).score - 100 / 3, abs=1)


ROWS = [(f"2026-03-01 00:{minute:02}:53", float(minute)) for minute in range(2, 60, 5)]


def test_files_are_read_with_windows_labels_and_profiles(tmp_path: Path) -> None:
    folder = write(tmp_path, {"AAPL": ROWS})
    (loaded,) = nab.load(folder, ["AAPL"])
    assert loaded.windows == ((2, 4),)
    assert loaded.labels == (int(loaded.times[2]),)
    assert loaded.times[0] == datetime(2026, 3, 1, 0, 2, 53, tzinfo=UTC).timestamp()
    assert loaded.values.tolist() == [value for _, value in ROWS]
    assert nab.profiles(folder) == {"standard": Profile(), "reward_low_FN_rate": Profile(1.0, 0.11, 2.0)}


def test_files_of_different_lengths_share_a_grid(tmp_path: Path) -> None:
    files = nab.load(write(tmp_path, {"AAPL": ROWS, "FB": ROWS[3:]}), ["AAPL", "FB"])
    start, counts = nab.grid(files, 300)
    assert start == datetime(2026, 3, 1, tzinfo=UTC).timestamp()
    assert counts[:, 0].tolist() == [value for _, value in ROWS]
    assert counts[:, 1].tolist() == [0, 0, 0] + [value for _, value in ROWS[3:]]
    rows, judged = nab.detections(files, detector(Config(bucket=300)), 300)
    assert [len(detected) for detected in rows] == [len(ROWS), len(ROWS) - 3]
    assert judged.score.shape == counts.shape


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"combined_windows\.json is missing"):
        nab.load(tmp_path, ["AAPL"])
    folder = write(tmp_path, {"AAPL": ROWS})
    with pytest.raises(ConfigError, match=r"no labels for .*_KO"):
        nab.load(folder, ["AAPL", "KO"])
    (folder / "realTweets" / "Twitter_volume_AAPL.csv").unlink()
    with pytest.raises(ConfigError, match=r"_AAPL\.csv is missing"):
        nab.load(folder, ["AAPL"])


@pytest.mark.real_data
@pytest.mark.skipif(not DATA.exists(), reason="the benchmark's files are not beside the project")
def test_alarms_by_the_clock_score_as_they_should() -> None:
    """On all ten tickers every 33, 24 and 12 hours are known to score 35.2, 16.8 and -53.2. These five have 15 of the
    33 windows, so false alarms weigh more here."""
    files, standard = nab.load(DATA, nab.DEVELOPMENT), nab.profiles(DATA)["standard"]
    assert sum(len(file.windows) for file in files) == 15

    def mean(hours: int) -> float:
        every = hours * 12
        alarms = (
            [(np.arange(len(file.times)) + phase) % every == 0 for file in files] for phase in range(0, every, 24)
        )
        return float(np.mean([nab.score(files, detected, standard).score for detected in alarms]))

    assert 28 <= mean(33) <= 35.2
    assert 10 <= mean(24) <= 16.8
    assert -75 <= mean(12) <= -53.2


@pytest.mark.real_data
@pytest.mark.skipif(not DATA.exists(), reason="the benchmark's files are not beside the project")
def test_the_default_keeps_its_score_on_the_development_tickers() -> None:
    files = nab.load(DATA, nab.DEVELOPMENT)
    rows, _ = nab.detections(files, detector(Config(bucket=300)), 300)
    score = nab.score(files, rows, nab.profiles(DATA)["standard"])
    assert score.score >= 75
    assert score.found >= 13
    assert score.false_alarms_per_week <= 0.6
    assert abs(float(np.median(score.delays))) <= 3600


@pytest.mark.real_data
@pytest.mark.skipif(not DATA.exists(), reason="the benchmark's files are not beside the project")
@pytest.mark.parametrize("ticker", nab.DEVELOPMENT)
def test_with_its_future_cut_off_a_development_ticker_has_the_same_past(ticker: str, tmp_path: Path) -> None:
    whole = (DATA / "realTweets" / f"Twitter_volume_{ticker}.csv").read_text().splitlines(keepends=True)
    past = tmp_path / "past.csv"
    said = []
    for rows in (6000, 5200):
        past.write_text("".join(whole[: rows + 1]))
        result = CliRunner().invoke(app, ["detect", "--input", str(past), "--bucket", "5m"])
        assert result.exit_code == 0, result.output
        said.append(result.stdout.splitlines())
    longer, shorter = said
    assert len(shorter) < len(longer)
    assert longer[: len(shorter)] == shorter
    assert any('"alert":true' in line for line in longer)
