"""Secrets: references in the config, masks in what is logged, signatures on what is sent.

A reference may stand anywhere in a string: `${env:NAME}`, `${env:NAME:-what to take instead}`, `${file:path}`,
`${keyring:SERVICE/NAME}` (the system's own store) and `${ssm:NAME}` (AWS Parameter Store). `$${` writes a plain `${`.
Errors name the reference, never a value.

A signature is HMAC-SHA256 (RFC 2104) over "<timestamp>.<body>", as "sha256=<hex>".
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Annotated
from urllib.parse import quote, quote_plus

from pydantic import AfterValidator, SecretStr

from tocsin.errors import ConfigError

SIGNATURE = "X-Tocsin-Signature"
TIMESTAMP = "X-Tocsin-Timestamp"
MASK = "****"
MIN_MASKED = 4
"""Shorter values are not masked: they would blot out every log line."""
_MAX_FILE = 65_536
_REFERENCE = re.compile(r"\$\$\{|\$\{(?P<body>[^{}]*)\}|\$\{")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def resolve(text: str, environ: Mapping[str, str], base_dir: Path, found: Callable[[str], None] | None = None) -> str:
    """`text` with every reference replaced; relative paths start at `base_dir`.

    Each value that was looked up and has no default is given to `found` (to `Redactor.add`, say). Raises ConfigError.

    >>> resolve("Bearer ${env:TOKEN}", {"TOKEN": "abc"}, Path())
    'Bearer abc'
    >>> resolve("${env:PORT:-8321} $${kept}", {}, Path())
    '8321 ${kept}'
    """

    def replaced(match: re.Match[str]) -> str:
        if match[0] == "$${":
            return "${"
        body = match["body"]
        if body is None:
            raise ConfigError("a reference '${' is not closed", hint="write ${env:NAME}, or $${ for a plain ${")
        value, secret = _value(body, environ, base_dir)
        if secret and found is not None:
            found(value)
        return value

    return _REFERENCE.sub(replaced, text)


def is_reference(text: str) -> bool:
    """Whether the whole of `text` is one reference.

    >>> is_reference("${env:TOKEN}"), is_reference("abc"), is_reference("x${env:TOKEN}")
    (True, False, False)
    """
    match = _REFERENCE.fullmatch(text)
    return match is not None and match["body"] is not None


def _value(body: str, environ: Mapping[str, str], base_dir: Path) -> tuple[str, bool]:
    """What a reference stands for, and whether it is a secret: what has a default is a setting."""
    scheme, _, rest = body.partition(":")
    if scheme == "env":
        name, dash, default = rest.partition(":-")
        if not _NAME.fullmatch(name):
            raise ConfigError(f"the reference ${{env:{name}}} names no environment variable", hint="write ${env:NAME}")
        if value := environ.get(name):
            return value, not dash
        if dash:
            return default, False
        state = "empty" if name in environ else "not set"
        raise ConfigError(f"the environment variable {name} is {state}", hint=f"set it, or write ${{env:{name}:-…}}")
    if scheme == "file" and rest:
        return _file(base_dir / Path(rest).expanduser()), True
    if scheme in _STORES and rest:
        return _stored(scheme, rest), True
    raise ConfigError(
        f"the reference ${{{body}}} is not known",
        hint="write ${env:NAME}, ${file:path}, ${keyring:SERVICE/NAME}, ${ssm:NAME}, or $${ for ${",
    )


def _stored(scheme: str, name: str) -> str:
    """A secret from a store of the system or the cloud."""
    try:
        value = _STORES[scheme](name)
    except ModuleNotFoundError as error:
        extra = {"ssm": "aws"}.get(scheme, scheme)
        hint = f"install it: pip install 'tocsin[{extra}]'"
        raise ConfigError(f"${{{scheme}:{name}}} needs the library {error.name}", hint=hint) from None
    except ConfigError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a store's library raises; its text may hold a secret
        raise ConfigError(f"${{{scheme}:{name}}} cannot be had ({type(error).__name__})") from None
    if not value:
        raise ConfigError(f"${{{scheme}:{name}}} is not there, or empty")
    return value


def _keyring(name: str) -> str:
    """https://keyring.readthedocs.io"""
    service, slash, user = name.rpartition("/")
    if not slash or not service or not user:
        raise ConfigError(f"the reference ${{keyring:{name}}} names no entry", hint="write ${keyring:SERVICE/NAME}")
    value: str | None = import_module("keyring").get_password(service, user)
    return value or ""


def _ssm(name: str) -> str:
    """https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html"""
    answer = import_module("boto3").client("ssm").get_parameter(Name=name, WithDecryption=True)
    value: str = answer["Parameter"]["Value"]
    return value


_STORES: Mapping[str, Callable[[str], str]] = {"keyring": _keyring, "ssm": _ssm}


def _file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE + 1)
        value = data.decode("utf-8-sig").rstrip("\r\n")
    except OSError as error:
        raise ConfigError(f"the secret file {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"the secret file {path} is not UTF-8 text") from None
    if len(data) > _MAX_FILE:
        raise ConfigError(f"the secret file {path} is larger than {_MAX_FILE:,} bytes")
    if not value:
        raise ConfigError(f"the secret file {path} is empty")
    return value


def _long_enough(key: SecretStr) -> SecretStr:
    if len(key) < 8:
        raise ValueError("must have 8 characters or more")
    return key


SigningKey = Annotated[SecretStr, AfterValidator(_long_enough)]
"""An option that holds the key of signatures."""


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """The signature of a request: `timestamp` is Unix seconds as sent in the header, `body` the bytes as sent.

    >>> sign("key", "1760000000", b"{}")[:20]
    'sha256=5f2db4fbfe82c'
    """
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return f"sha256={digest.hexdigest()}"


def verify(secret: str, timestamp: str, body: bytes, signature: str) -> bool:
    """Whether the signature is right, in a time that does not tell how wrong it is."""
    return hmac.compare_digest(sign(secret, timestamp, body).encode(), signature.encode())


class Redactor(logging.Filter):
    """A logging filter for handlers that masks known secret values wherever they show up in a record.

    >>> redactor = Redactor()
    >>> redactor.add("hunter22")
    >>> redactor.mask("password hunter22!")
    'password ****!'
    """

    def __init__(self) -> None:
        super().__init__()
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._formatter = logging.Formatter()

    def add(self, value: str) -> None:
        """Mask this value from now on, and how it looks in a URL, in JSON, in Python and line by line."""
        for secret in (value, *value.splitlines()):
            forms = {secret, quote(secret, safe=""), quote(secret), quote_plus(secret)}
            forms |= {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
            self._forms |= {form for form in forms if len(form) >= MIN_MASKED}
        longest_first = sorted(self._forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def mask(self, text: str) -> str:
        return text if self._pattern is None else self._pattern.sub(MASK, text)

    def filter(self, record: logging.LogRecord) -> bool:
        """Masks the record in place, its error and extra fields too; always lets it through."""
        record.msg, record.args = self.mask(record.getMessage()), None
        if record.exc_info:
            record.exc_text = self.mask(record.exc_text or self._formatter.formatException(record.exc_info))
            record.exc_info = None
        if record.stack_info:
            record.stack_info = self.mask(record.stack_info)
        for name, value in extras(record).items():
            setattr(record, name, value if isinstance(value, int | float) else self.mask(str(value)))
        return True


_USUAL = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


def extras(record: logging.LogRecord) -> dict[str, object]:
    """The fields that a log call added with `extra=`."""
    return {name: value for name, value in record.__dict__.items() if name not in _USUAL}
