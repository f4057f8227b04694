"""What a backtest tries: the policies of a config, with what is stored of their past."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from functools import partial
from typing import Any

import msgspec

from tocsin.alerts.ringing import Shared
from tocsin.component import Lake
from tocsin.errors import ConfigError, Permanent
from tocsin.model import Incident
from tocsin.pipeline import overlap
from tocsin.pipeline.policy import Policy
from tocsin.runners import past
from tocsin.runners.assemble import Assembly
from tocsin.runners.backtest import WARM_UP, Trial, Wish, run
from tocsin.runners.backtest_report import Report, report
from tocsin.state import State

DAY = 86_400


def backtest(assembly: Assembly, wish: Wish) -> Report:
    """The policies of a config over what state database and lake hold. Nothing is changed.

    Raises Permanent where nothing is stored, ConfigError for a policy that is not in the config.
    """
    policies = _chosen(assembly, wish.policies)
    with closing(assembly.state()) as state, closing(assembly.lake()) as lake:
        until = _until(state, lake, policies)
        since = until - round(wish.days * DAY)
        trials = [_trial(assembly, state, lake, policy, since - WARM_UP) for policy in policies]
        return tried(trials, wish, until, state.incidents(), partial(overlap.shared, lake, lake.last_seq()))


def tried(
    trials: Sequence[Trial], wish: Wish, until: int, stored: Sequence[Incident] = (), shared: Shared | None = None
) -> Report:
    """What would have rung up to `until` (Unix seconds). Raises Permanent where nothing was counted."""
    born = [first for trial in trials for first in trial.past.born]
    if not born:
        raise Permanent("nothing was counted in those days: give more of them with --days")
    since = max(until - round(wish.days * DAY), min(born))
    return report(trials, run(trials, wish, until, shared), wish, stored, since, until)


def _chosen(assembly: Assembly, names: Sequence[str]) -> list[Policy]:
    policies = assembly.policies()
    known = [policy.name for policy in policies]
    if unknown := [name for name in names if name not in known]:
        raise ConfigError(f"there is no policy {unknown[0]!r}; there are {', '.join(known)}", hint="see `alerts:`")
    return [policy for policy in policies if not names or policy.name in names]


def _until(state: State, lake: Lake, policies: Sequence[Policy]) -> int:
    """The end of the last bucket that was counted, or the newest row of the lake where none was."""
    ends = [end + policy.fold.bucket for policy in policies if (end := state.counted.last(policy.name)) is not None]
    found = max(ends) if ends else past.newest(lake)
    if found is None:
        raise Permanent(
            "nothing is stored that could be tried: `tocsin run` or `tocsin demo` stores posts, "
            "and --input reads counts from a CSV file"
        )
    return found


def _trial(assembly: Assembly, state: State, lake: Lake, policy: Policy, since: int) -> Trial:
    checkpoint = state.checkpoint(policy.name)
    if checkpoint is not None and _counts(checkpoint.definition) == _counts(policy.definition):
        counted = past.of_state(state, policy, since, past.unseen(lake, policy))
    else:
        counted = past.of_lake(lake, policy, since)
    with state.transaction() as tx:
        said = tx.feedback(policy.name)
    sensitivity = next(one.sensitivity for one in assembly.config.alerts.policies if one.name == policy.name)
    return Trial(policy, counted, sensitivity, said)


def _counts(definition: str) -> Any:
    """What of a policy's definition its counts depend on: all but how readily it rings."""
    own, *rest = msgspec.json.decode(definition)
    return [{name: value for name, value in own.items() if name != "sensitivity"}, *rest]
