"""Play a platform on this machine: its wire with invented posts, to try a config without keys or network.

Prints the block of `sources:` that listens to it. Ends with Ctrl-C, or after an hour.
"""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
import random
from contextlib import suppress
from typing import Annotated, Any

import typer

from tocsin import simulators
from tocsin.clock import SystemClock
from tocsin.text import one_line

HOUR = 3600
PLATFORMS = tuple(one.name for one in pkgutil.iter_modules(simulators.__path__) if not one.name.startswith("_"))


def _known(name: str) -> str:
    if name not in PLATFORMS:
        raise typer.BadParameter(f"{one_line(name, 40)} is none of {', '.join(PLATFORMS)}")
    return name


PlatformArgument = Annotated[str, typer.Argument(help=f"One of {', '.join(PLATFORMS)}.", callback=_known)]
PortOption = Annotated[int, typer.Option("--port", min=0, max=65535, help="Where to listen; 0 takes a free port.")]
RateOption = Annotated[float, typer.Option("--rate", min=0.1, max=1000, help="Posts a second.")]
TermOption = Annotated[str, typer.Option("--term", metavar="WORD", help="Whom one post in ten is about.")]
SeedOption = Annotated[int, typer.Option("--seed", help="Another number makes other posts.")]
FaultsOption = Annotated[int, typer.Option("--faults", min=0, max=1000, help="How often something goes wrong.")]


def command(
    platform: PlatformArgument,
    port: PortOption = 8331,
    rate: RateOption = 40.0,
    term: TermOption = "acme",
    seed: SeedOption = 7,
    faults: FaultsOption = 0,
) -> None:
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(platform, port, rate, term, seed, faults))


async def _serve(platform: str, port: int, rate: float, term: str, seed: int, faults: int) -> None:
    simulator: Any = importlib.import_module(f"{simulators.__name__}.{platform}")
    server, block = simulator.an_hour(rate, _texts(term, seed), seed, faults)
    await server.start(port)
    typer.echo(f"{platform} at {server.url}, {rate:g} posts a second. In the config:")
    typer.echo(f"  sources: {{{block.format(url=server.url)}}}")
    try:
        await SystemClock().sleep(HOUR)
    finally:
        await server.close()


def _texts(term: str, seed: int) -> list[str]:
    """Invented posts, one in ten about the term."""
    from tocsin.model import Post
    from tocsin.sources.scenario import Config, generate

    draw = random.Random(seed)
    watches = (term, "borealis", "cumulo")
    texts = [
        event.text
        for batch in generate(Config(seed=seed, duration=6 * HOUR, rate=400, watches=watches))
        for event in batch.events
        if isinstance(event, Post)
    ]
    own = [text for text in texts if term.lower() in text.lower()]
    others = [text for text in texts if term.lower() not in text.lower()]
    return [draw.choice(own if number % 10 == 0 and own else others) for number in range(2000)]
