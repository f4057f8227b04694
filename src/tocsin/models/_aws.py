"""Services of AWS: a client that leaves waiting and retrying to us, and its errors as ours.

Credentials come by AWS's own ways (environment, profile, role of the machine). Errors say AWS's code for what went
wrong and never its message: that may hold what was sent. Codes: the API references' pages "Common Errors".
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, TypeVar

import boto3
from botocore import exceptions as aws
from botocore.config import Config as ClientConfig
from botocore.parsers import ResponseParserError

from tocsin.clock import Clock
from tocsin.errors import ConfigError, Permanent, TocsinError, Transient
from tocsin.models._remote import Lost, RemoteOptions, Unfit
from tocsin.net import retry_after

CONNECT_SECONDS = 10.0
_UNREADABLE = (ResponseParserError, ValueError, TypeError, AttributeError, KeyError, RecursionError)
"""What botocore raises over a body that is not what it should be."""
_THROTTLED = frozenset({
    "ThrottlingException", "Throttling", "ThrottledException", "TooManyRequestsException", "RequestThrottled",
    "RequestThrottledException", "RequestLimitExceeded", "LimitExceededException", "SlowDown",
    "ProvisionedThroughputExceededException", "ModelNotReadyException", "ResourceUnavailableException",
})  # fmt: skip
_ABOUT_THE_TEXTS = frozenset({
    "InvalidRequestException", "TextSizeLimitExceededException", "UnsupportedLanguageException",
    "BatchSizeLimitExceededException",
})  # fmt: skip
_HINTS = {
    "AccessDeniedException": "give the user or role the right to call it",
    "ExpiredTokenException": "the credentials have expired: renew them",
    "UnrecognizedClientException": "the credentials are not known: check the access key",
    "InvalidSignatureException": "check the secret access key and this machine's clock",
    "ValidationError": "check the endpoint's name and the region",
    "ValidationException": "check the endpoint's ARN, if one is named, and the region",
}

R = TypeVar("R")


class AwsOptions(RemoteOptions):
    """Options of every service of AWS."""

    profile: str | None = None
    """The profile of AWS's own config files to take credentials and region from."""
    endpoint_url: str | None = None
    """Another address of the service, such as that of a VPC endpoint."""


class Service:
    """A client of one service, and the threads that its calls wait in."""

    def __init__(self, name: str, region: str | None, options: AwsOptions, clock: Clock) -> None:
        """Raises ConfigError if there is no region, or no such profile."""
        self.name, self._clock = name, clock
        own = ClientConfig(
            connect_timeout=min(CONNECT_SECONDS, options.timeout),
            read_timeout=options.timeout,
            retries={"total_max_attempts": 1},
            max_pool_connections=options.concurrency,
        )
        try:
            session = boto3.session.Session(profile_name=options.profile, region_name=region)
            self._client = session.client(name, endpoint_url=options.endpoint_url, config=own)
        except aws.NoRegionError:
            raise ConfigError(f"{name} has no region", hint="name one, or set AWS_REGION or the profile's") from None
        except (aws.ProfileNotFound, aws.InvalidRegionError, ValueError) as error:
            raise ConfigError(f"{name} cannot be used: {error}") from None
        self.region: str = self._client.meta.region_name
        self._threads = ThreadPoolExecutor(options.concurrency, f"tocsin-{name}")

    async def call(self, send: Callable[[Any], R]) -> R:
        """What `send` makes of the client. Raises Unfit, Lost, Transient or Permanent."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, send, self._client)
        except (aws.ClientError, aws.BotoCoreError) as error:
            raise as_ours(error, self.name, self._clock.now()) from None
        except _UNREADABLE as error:
            raise Unfit(f"{self.name} gave an answer that cannot be read ({type(error).__name__})") from None


def as_ours(error: Exception, service: str, now: datetime) -> TocsinError:
    """An error of botocore as one of ours."""
    if isinstance(error, aws.ClientError):
        return _refused(error, service, now)
    what = f"{service} ({type(error).__name__})"
    if isinstance(error, aws.NoCredentialsError | aws.PartialCredentialsError | aws.CredentialRetrievalError):
        return Permanent(f"{service} has no credentials of AWS: set them in the environment, or name a `profile`")
    if isinstance(
        error, aws.ConnectTimeoutError | aws.EndpointConnectionError | aws.ProxyConnectionError | aws.SSLError
    ):
        return Transient(f"{what} cannot be reached")
    if isinstance(error, aws.HTTPClientError | aws.IncompleteReadError | aws.ResponseStreamingError):
        return Lost(f"{what} broke off")
    if isinstance(error, aws.ParamValidationError):
        return Unfit(f"{what} takes no such text")
    return Permanent(f"{what} cannot be asked")


def _refused(error: aws.ClientError, service: str, now: datetime) -> TocsinError:
    code = str(error.response.get("Error", {}).get("Code", ""))[:80]
    answer = error.response.get("ResponseMetadata", {})
    status = int(answer.get("HTTPStatusCode", 0))
    line = f"{service} answered {status} {code}".rstrip()
    if code == "ModelError":
        status = int(error.response.get("OriginalStatusCode", status))
        line = f"{service}: the model's container answered {status}"
    if status >= 500 or status in (408, 429) or code in _THROTTLED:
        return Transient(line, retry_after(answer.get("HTTPHeaders", {}).get("retry-after"), now))
    if code == "ModelError" or code in _ABOUT_THE_TEXTS:
        return Unfit(line)
    hint = _HINTS.get(code)
    return Permanent(f"{line}: {hint}" if hint else line)
