"""A folder in the form of the Numenta benchmark, with counts of our own."""

from __future__ import annotations

import csv
import json
from pathlib import Path


def write(folder: Path, tickers: dict[str, list[tuple[str, float]]]) -> Path:
    """Rows of time and value by ticker; rows 2 to 4 of each are its window, labelled at its start."""
    (folder / "realTweets").mkdir()
    windows = {}
    for ticker, rows in tickers.items():
        name = f"realTweets/Twitter_volume_{ticker}.csv"
        with (folder / name).open("w", newline="") as lines:
            csv.writer(lines).writerows([("timestamp", "value"), *rows])
        windows[name] = [[f"{rows[2][0]}.000000", f"{rows[4][0]}.000000"]]
    labels = {name: [of[0][0].split(".")[0]] for name, of in windows.items()}
    (folder / "combined_windows.json").write_text(json.dumps(windows))
    (folder / "combined_labels.json").write_text(json.dumps(labels))
    costs = {"tpWeight": 1.0, "fnWeight": 1.0, "fpWeight": 0.11, "tnWeight": 1.0}
    weights = {"standard": {"CostMatrix": costs}, "reward_low_FN_rate": {"CostMatrix": costs | {"fnWeight": 2.0}}}
    (folder / "profiles.json").write_text(json.dumps(weights))
    return folder
