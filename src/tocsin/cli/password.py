"""Make the hash of a password, for `server: users:` in the config. The password is asked for, or read from a pipe.

The hash is Argon2id's (RFC 9106): from it the password cannot be found again.
"""

from __future__ import annotations

import sys

import typer

from tocsin.errors import ConfigError

LEAST = 10
"""Characters of a password."""


def command() -> None:
    from argon2 import PasswordHasher

    if sys.stdin.isatty():
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = sys.stdin.readline().rstrip("\n")
    if len(password) < LEAST:
        raise ConfigError(f"the password is too short: {LEAST} characters or more")
    typer.echo(PasswordHasher().hash(password))
