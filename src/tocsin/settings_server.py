"""What a config says of the server: where it listens, and who is let in."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from tocsin.options import Block, Name
from tocsin.secrets import SigningKey

Role = Literal["viewer", "analyst", "admin"]


def is_loopback(host: str) -> bool:
    """Whether what listens there can be reached from this machine alone.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class User(Block):
    """Somebody who logs in with a password."""

    name: Name
    """What they log in with, and what others see of them."""
    password: SecretStr
    """Its Argon2 hash, as `tocsin password` prints it: `$argon2id$…`."""
    role: Role = "viewer"
    """A viewer sees everything; an analyst also acts on incidents and asks in SQL; an admin sees who did what."""

    @field_validator("password")
    @classmethod
    def _hashed(cls, password: SecretStr) -> SecretStr:
        if not password.get_secret_value().startswith("$argon2"):
            raise ValueError("a password is kept as its hash: `tocsin password` makes it")
        return password


class AccessToken(Block):
    """What a program shows: "Authorization: Bearer …"."""

    name: Name
    """What the audit log calls it."""
    token: SigningKey
    """8 characters or more, by reference: `${env:…}`, `${file:…}`."""
    role: Role = "viewer"
    """What it may, as that of a user."""


class Server(Block):
    """Where the dashboard and the API listen, and who is let in."""

    host: str = "127.0.0.1"
    """The address to listen on. Anything but a loopback address opens it to others."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8321
    """The port; 0 takes any that is free."""
    public_url: str | None = None
    """Where people reach it, like https://tocsin.example.com: what links and buttons in alerts begin with."""
    link_days: Annotated[int, Field(ge=1, le=365)] = 14
    """How long the links in an alert do what they say."""
    token: SigningKey | None = None
    """What programs must show ("Authorization: Bearer …"), as an admin; the short form of one of `tokens`."""
    users: tuple[User, ...] = ()
    """Who logs in. Default: nobody needs to, and only this machine is let in."""
    tokens: tuple[AccessToken, ...] = ()
    """What programs show."""
    session_hours: Annotated[float, Field(gt=0, le=24 * 31)] = 12
    """How long somebody stays logged in."""

    @model_validator(mode="after")
    def _not_open_to_all(self) -> Server:
        if not (self.users or self.tokens or self.token or is_loopback(self.host)):
            raise ValueError(
                f"host {self.host} opens the server to others, so it needs to know them: name them in `users:` "
                "(`tocsin password` makes a password), or keep 127.0.0.1"
            )
        names = [*(one.name for one in self.users), *(one.name for one in self.tokens)]
        if len({*names}) < len(names):
            raise ValueError("two users or tokens have the same name")
        return self
