"""What AWS's environment and config files say. The only module that imports boto3.

Profiles, regions, endpoints and credentials are found as every AWS tool finds them; the requests themselves
are not boto3's.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ...errors import SourceError, StoreUnavailable
from ..address import Access

if TYPE_CHECKING:
    from boto3 import Session

# botocore renews credentials that have less than ten minutes left; the connection asks anew in time for that.
_RENEWED_AFTER = timedelta(minutes=10)
_FALLBACK_REGION = "us-east-1"
_WAYS_OUT = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a profile (profile=..., --profile, AWS_PROFILE), "
    "or read a public bucket with anonymous=True (--anonymous)"
)


@dataclass(frozen=True)
class Settings:
    """Where S3 is and how to sign; `credentials` is None where nothing is signed."""

    endpoint_url: str | None
    region: str
    credentials: Callable[[], dict[str, Any]] | None


def settings(access: Access, *, of: str) -> Settings:
    """Return what the AWS configuration says, an option of `access` going before it.

    Credentials are looked up at once, so that a missing profile or key is said here, naming `of`: SourceError
    for a profile that is not there, StoreUnavailable where no credentials are to be had.
    """
    from botocore.exceptions import BotoCoreError

    try:
        session = _session(access)
        return Settings(
            endpoint_url=access.endpoint_url or _configured_endpoint(session),
            # Servers with an endpoint of their own mostly have no regions, but a signature names one.
            region=access.region or session.region_name or _FALLBACK_REGION,
            credentials=None if access.anonymous else _credentials(session, of=of),
        )
    except BotoCoreError as error:
        text = f"{of}: no AWS credentials: {error}; {_WAYS_OUT}"
        raise StoreUnavailable(text, may_pass=False) from error


def _session(access: Access) -> Session:
    import boto3
    from botocore.exceptions import ProfileNotFound

    try:
        return boto3.Session(profile_name=access.profile, region_name=access.region)
    except ProfileNotFound as error:
        profile = access.profile or os.environ.get("AWS_PROFILE")
        raise SourceError(
            f"there is no AWS profile {profile!r}; `aws configure list-profiles` lists those there are"
        ) from error


def _configured_endpoint(session: Session) -> str | None:
    """Return AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, or what the profile says, in the order of AWS's tools."""
    from botocore.configprovider import ConfiguredEndpointProvider

    inner = session._session
    if inner.get_config_variable("ignore_configured_endpoint_urls"):
        return None
    provider = ConfiguredEndpointProvider(
        full_config=inner.full_config, scoped_config=inner.get_scoped_config(), client_name="s3"
    )
    found: str | None = provider.provide()
    return found


def _credentials(session: Session, *, of: str) -> Callable[[], dict[str, Any]]:
    found = session.get_credentials()
    if found is None:
        raise StoreUnavailable(f"{of}: no AWS credentials were found; {_WAYS_OUT}", may_pass=False)

    def current() -> dict[str, Any]:
        frozen = found.get_frozen_credentials()
        return {
            "access_key_id": frozen.access_key,
            "secret_access_key": frozen.secret_key,
            "token": frozen.token,
            "expires_at": datetime.now(UTC) + _RENEWED_AFTER,
        }

    current()
    return current
