"""All other services, by a URL of Apprise: Matrix, Mattermost, Pushover, Signal, Google Chat and a hundred more.

Apprise only says whether it worked, so whatever does not is tried again. It cannot tell a repeat; the key stands in the
last line. Source: Apprise's own documentation of its URLs.
"""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, SecretStr

from tocsin.component import Context
from tocsin.errors import ConfigError, Transient
from tocsin.messages import of
from tocsin.messages.plain import text
from tocsin.model import Message as Told
from tocsin.notifiers._thread import in_a_thread
from tocsin.options import Options


class Config(Options):
    """Options of the apprise notifier."""

    model_config = ConfigDict(hide_input_in_errors=True)

    url: SecretStr
    """The service and what it needs, as Apprise writes it: "matrix://user:pass@host/room"."""


class Apprise:
    """Sends by Apprise."""

    def __init__(self, config: Config, context: Context) -> None:
        self._url, self._context = config.url, context
        if not self._made():
            message = f"the url of the destination '{context.name}' is none that Apprise knows"
            raise ConfigError(message, hint="see Apprise's list of services")

    async def send(self, message: Told) -> None:
        """Raises Transient where the service did not take it."""
        found = of(message, self._context.link)
        service = self._made()
        sent = await in_a_thread(service.notify, title=found.title, body=text(found, title=False))
        if not sent:
            raise Transient("the service that Apprise speaks to did not take it")

    def _made(self) -> Any:
        """One for each message: nothing is shared between them."""
        import apprise

        made = apprise.Apprise()
        return made if made.add(self._url.get_secret_value()) else None
