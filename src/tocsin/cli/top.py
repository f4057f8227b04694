"""Watch a run in the terminal: rates, what waits where, open incidents. Ends with Ctrl-C.

Asks the server of a run or of `tocsin serve` (`server:` in the config). Without a terminal, or with --once, it prints
one picture and ends.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tocsin.cli._common import ConfigOption, read_config
from tocsin.errors import Permanent
from tocsin.text import clean, one_line

if TYPE_CHECKING:
    from rich.console import Group

OnceOption = Annotated[bool, typer.Option("--once", help="One picture, then end.")]
UrlOption = Annotated[str | None, typer.Option("--url", help="Where the server listens. [default: the config's]")]
TokenOption = Annotated[str | None, typer.Option("--token", envvar="TOCSIN_TOKEN", help="A token of the server.")]
EVERY = 2.0


def command(
    config: ConfigOption = None, url: UrlOption = None, token: TokenOption = None, once: OnceOption = False
) -> None:
    from rich.console import Console
    from rich.live import Live

    base = url or _address(config)
    if once or not sys.stdout.isatty():
        Console().print(_picture(base, token))
        return
    with Live(_picture(base, token), auto_refresh=False, screen=True) as live:
        while True:
            time.sleep(EVERY)
            live.update(_picture(base, token), refresh=True)


def _address(config: ConfigOption) -> str:
    server = read_config(config, None).server
    return f"http://{server.host}:{server.port}"


def _ask(base: str, path: str, token: str | None) -> Any:
    import json
    import urllib.error
    import urllib.request

    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(f"{base}{path}", headers=headers), timeout=10) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        hint = ": give --token" if error.code == 401 else ""
        raise Permanent(f"{base} answers {error.code}{hint}") from None
    except (OSError, ValueError) as error:
        raise Permanent(f"nothing answers at {base} ({error}): is `tocsin run` or `tocsin serve` going on?") from None


def _picture(base: str, token: str | None) -> Group:
    from rich.console import Group
    from rich.table import Table

    system, totals = _ask(base, "/api/system", token), _ask(base, "/api/totals?start=-3600", token)["rows"]
    now, before = (row["posts"] for row in totals)
    facts = Table.grid(padding=(0, 3))
    facts.add_row("posts in the last hour", f"{now:,}", f"(the hour before {before:,})")
    facts.add_row("in the queue", f"{system['queue']['waiting']:,}", f"dead letters {system['queue']['dead']:,}")
    facts.add_row("in the lake", f"{system['lake']['rows']:,}", f"not counted yet {system['detect']['behind']:,}")
    facts.add_row("loops", " ".join(name for name, runs in system["loops"].items() if runs) or "none", "")
    facts.add_row("disk", f"{system['disk']['free'] / 2**30:.1f} GiB free", "")
    for box in system["outbox"]:
        facts.add_row(f"waiting for {box['destination']}", str(box["waiting"]), one_line(clean(box["fault"] or ""), 60))
    return Group(facts, "", _sources(base, token), "", _incidents(base, token))


def _sources(base: str, token: str | None) -> Any:
    from rich.table import Table

    table = Table("source", "last full hour", "usual", "seen in a week", box=None, pad_edge=False)
    streams: dict[str, list[Any]] = {}
    for row in _ask(base, "/api/coverage", token)["rows"]:
        streams.setdefault(row["source"], []).append(row)
    for name, hours in streams.items():
        usual = hours[-1]["expected"]
        seen = sum(hour["seen"] for hour in hours) / len(hours)
        table.add_row(
            one_line(clean(name), 24),
            f"{hours[-1]['arrived']:,}",
            "" if usual is None else f"{usual:,.0f}",
            f"{seen:.0%}",
        )
    return table


def _incidents(base: str, token: str | None) -> Any:
    from rich.table import Table

    table = Table("open", "severity", "who", box=None, pad_edge=False)
    for row in _ask(base, "/api/incidents?state=open&limit=10", token)["rows"]:
        if row["part_of"] is None:
            table.add_row(one_line(clean(row["headline"]), 90), str(row["severity"]), row["acked_by"] or "")
    return table if table.row_count else "No open incidents."
