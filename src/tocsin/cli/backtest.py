"""What would have rung: your policies over the last days, and at which sensitivity a budget holds.

The same detector, life of incidents and budget as in `tocsin run`, over what is stored: counts in the state database,
or the lake for a policy that is new or has changed. With --input, over counts in a CSV file as `tocsin detect` reads
them. Nothing is changed and nobody is told.

The list marks what would have rung (*), what would have been told with it (|), what the digest would have had (·), and
what did not ring in the live run (+). The curve is of alerts a week without a budget, with the threshold at so many
times that of the policy's sensitivity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tocsin.cli._common import ConfigOption, DataDirOption, JsonOption, existing, print_json
from tocsin.cli.detect import BucketOption, Sensitivity, SeriesOption, TimeOption, ValueOption

if TYPE_CHECKING:
    from tocsin.config import Config
    from tocsin.runners.backtest_report import Report


DaysOption = Annotated[float, typer.Option("--days", min=0.1, help="How many days back.")]
BudgetOption = Annotated[
    str | None,
    typer.Option("--budget", metavar="RATE", help="For all together, like '1 per day'. [default: the config's]"),
]
SensitivityOption = Annotated[
    Sensitivity | None, typer.Option("--sensitivity", help="Of all policies. [default: each one's own]")
]
PolicyOption = Annotated[
    list[str] | None, typer.Option("--policy", metavar="NAME", help="Only this policy. Repeatable. [default: all]")
]
InputOption = Annotated[
    str | None, typer.Option("--input", "-i", metavar="FILE", help="A CSV with a header instead of what is stored.")
]


def command(  # noqa: PLR0913 - one argument for each option that the command has
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    days: DaysOption = 30,
    budget: BudgetOption = None,
    sensitivity: SensitivityOption = None,
    policy: PolicyOption = None,
    source: InputOption = None,
    time: TimeOption = None,
    value: ValueOption = None,
    series: SeriesOption = None,
    bucket: BucketOption = "1m",
    json: JsonOption = False,
) -> None:
    from tocsin.cli import _backtest_input, _backtest_text
    from tocsin.cli._counts import Names

    _check(budget)
    _fits(source, [time, value, series], policy)
    if source is None:
        report = _stored(_with(existing(config, data_dir), sensitivity), days, budget, policy or [])
    else:
        counted = _backtest_input.Input(source, Names(time, value, series), bucket, sensitivity or Sensitivity.balanced)
        report = _backtest_input.backtest(counted, days, budget or "1 per day")
    if json:
        print_json(report)
    else:
        typer.echo(_backtest_text.render(report))


def _stored(config: Config, days: float, budget: str | None, names: list[str]) -> Report:
    from tocsin.runners.assemble import Assembly
    from tocsin.runners.backtest import Wish
    from tocsin.runners.trials import backtest

    own = {policy.name: policy.budget for policy in config.alerts.policies if policy.budget is not None}
    wish = Wish(days, budget, names) if budget else Wish(days, config.alerts.budget, names, own)
    return backtest(Assembly(config), wish)


def _check(budget: str | None) -> None:
    from tocsin.alerts.budget import Rate

    try:
        Rate.parse(budget or "1 per day")
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--budget") from None


def _fits(source: str | None, columns: list[str | None], policies: list[str] | None) -> None:
    """Refuse options that would be passed over in silence."""
    if source is None and any(columns):
        raise typer.BadParameter("columns are of a file: give one", param_hint="--input")
    if source is not None and policies:
        raise typer.BadParameter("a file has no policies: leave one of the two out", param_hint="--policy")


def _with(config: Config, sensitivity: Sensitivity | None) -> Config:
    """The config with all policies of one sensitivity."""
    if sensitivity is None:
        return config
    policies = tuple(one.model_copy(update={"sensitivity": sensitivity.value}) for one in config.alerts.policies)
    return config.model_copy(update={"alerts": config.alerts.model_copy(update={"policies": policies})})
