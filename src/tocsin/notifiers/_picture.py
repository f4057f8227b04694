"""The picture of a message, where it has one and one can be drawn: a message never waits for its picture."""

from __future__ import annotations

import asyncio
import logging

from tocsin.messages import Message
from tocsin.messages.picture import png

log = logging.getLogger(__name__)


async def picture(message: Message) -> bytes | None:
    """PNG; None where there is nothing to draw, or drawing fails."""
    if message.chart is None or message.start is None or message.event in {"resolved", "expired"}:
        return None
    try:
        return await asyncio.to_thread(png, message.chart, message.start)
    except Exception:
        log.warning("The picture of %s cannot be drawn: it goes without.", message.key, exc_info=True)
        return None
