"""E-mail: text and HTML, with the picture in it, by any SMTP server; the messages of an incident make one thread.

The Message-ID follows from the alert's key, so a repeat is the same mail. Sources: RFC 5322, RFC 2919 (List-Id), RFC
3834 (Auto-Submitted).
"""

from __future__ import annotations

import hashlib
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, SecretStr, model_validator

from tocsin.component import Context
from tocsin.errors import Permanent, Transient
from tocsin.messages import Message, of
from tocsin.messages.html import page
from tocsin.messages.plain import text
from tocsin.model import Message as Told
from tocsin.notifiers._picture import picture
from tocsin.notifiers._thread import in_a_thread
from tocsin.options import Duration, Options
from tocsin.text import one_line

Address = Annotated[str, Field(pattern=r"^[^\s@<>,;:\"]+@[^\s@<>,;:\"]+$")]
PORTS = {"starttls": 587, "tls": 465, "none": 25}


class Config(Options):
    """Options of the email notifier."""

    model_config = ConfigDict(hide_input_in_errors=True)

    to: Annotated[tuple[Address, ...], Field(min_length=1, max_length=100)]
    """Who gets it."""
    sender: Address
    """The address that it comes from."""
    host: str
    """The SMTP server."""
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """Its port. Default: 587 with STARTTLS, 465 with TLS, 25 without."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """How the way there is secured."""
    user: str | None = None
    """The user to log in as, where the server wants one."""
    password: SecretStr | None = None
    """The user's password."""
    picture: bool = True
    """Whether the chart is in it."""
    timeout: Duration = 30.0
    """How long to wait for the server."""

    @model_validator(mode="after")
    def _both_or_none(self) -> Config:
        if (self.user is None) != (self.password is None):
            raise ValueError("`user` and `password` go together")
        if self.user is not None and self.security == "none" and self.host not in {"localhost", "127.0.0.1", "::1"}:
            raise ValueError("a password does not go over an open line: use `security: starttls` or `tls`")
        return self


class Email:
    """Sends mail."""

    def __init__(self, config: Config, context: Context) -> None:
        self._config, self._context = config, context

    async def send(self, message: Told) -> None:
        """Raises Transient (no connection, 4xx) or Permanent (5xx, a wrong password)."""
        found = of(message, self._context.link)
        drawn = await picture(found) if self._config.picture else None
        mail = self.written(found, drawn)
        try:
            await in_a_thread(self._deliver, mail)
        except smtplib.SMTPAuthenticationError as error:
            raise Permanent(f"{self._config.host} does not let the user in ({error.smtp_code})") from None
        except smtplib.SMTPRecipientsRefused as error:
            codes = {code for code, _ in error.recipients.values()}
            raise _fault(
                f"{self._config.host} takes no mail for any of the addresses", min(codes, default=550)
            ) from None
        except smtplib.SMTPResponseException as error:
            raise _fault(f"{self._config.host} answered {error.smtp_code}", error.smtp_code) from None
        except smtplib.SMTPNotSupportedError:
            raise Permanent(f"{self._config.host} does not offer what is asked for: see `security`") from None
        except ssl.SSLCertVerificationError as error:
            raise Permanent(f"{self._config.host} shows a certificate that is not trusted: {error.reason}") from None
        except (smtplib.SMTPException, OSError) as error:
            raise Transient(f"{self._config.host} cannot be reached: {one_line(str(error), 80)}") from None

    def _deliver(self, mail: EmailMessage) -> None:
        config, tls = self._config, ssl.create_default_context()
        port = config.port or PORTS[config.security]
        if config.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(config.host, port, timeout=config.timeout, context=tls)
        else:
            server = smtplib.SMTP(config.host, port, timeout=config.timeout)
        with server:
            if config.security == "starttls":
                server.starttls(context=tls)
            if config.user is not None and config.password is not None:
                server.login(config.user, config.password.get_secret_value())
            server.send_message(mail)

    def written(self, message: Message, drawn: bytes | None) -> EmailMessage:
        """The mail. `drawn` is the picture, PNG."""
        mail, domain = EmailMessage(), self._config.sender.partition("@")[2]
        mail["Subject"] = message.title
        mail["From"], mail["To"] = self._config.sender, ", ".join(self._config.to)
        mail["Date"] = format_datetime(self._context.clock.now())
        mail["Message-ID"] = _id(message.key, domain)
        if message.incident:
            mail["References"] = mail["In-Reply-To"] = _id(message.incident, domain)
        mail["List-Id"] = f"Tocsin <tocsin.{domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Tocsin-Key"] = one_line(message.key, 200)
        mail.set_content(text(message))
        mail.add_alternative(page(message, "cid:chart" if drawn else None), subtype="html")
        if drawn:
            html = list(mail.iter_parts())[-1]
            html.add_related(drawn, "image", "png", cid="<chart>", filename="chart.png", disposition="inline")
        return mail


def _id(name: str, domain: str) -> str:
    return f"<{hashlib.blake2b(name.encode(), digest_size=12).hexdigest()}@tocsin.{domain}>"


def _fault(line: str, code: int) -> Transient | Permanent:
    return Transient(line) if 400 <= code < 500 else Permanent(line)
