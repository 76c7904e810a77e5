"""Say what a store's refusal means, and what to do about it. Pure: text in, errors out."""

from __future__ import annotations

import re

from ...errors import ContextError, RLMError, SegmentMissing, SourceNotFound, StoreUnavailable

_CODE = re.compile(r"<Code>(\w+)</Code>")
_MESSAGE = re.compile(r"<Message>([^<]*)</Message>")
_STATUS = re.compile(r"status code: (\d{3}) ([A-Za-z ]*)")
_EXPIRED = ("ExpiredToken", "InvalidToken", "TokenRefreshRequired")
_ADVICE = {
    "AccessDenied": "check that these credentials may read it (s3:GetObject; s3:ListBucket on the bucket for "
    "a prefix; s3:PutObject to write), that the name is right, or try --profile or --anonymous",
    "InvalidAccessKeyId": "the access key is not known there; check the profile and the endpoint",
    "SignatureDoesNotMatch": "the secret key is not the one of the access key; check the profile",
    "RequestTimeTooSkewed": "the clock of this machine is wrong; set it",
    "ExpiredToken": "the session's credentials have run out; sign in again (aws sso login)",
    "InvalidToken": "the session token is not valid there; sign in again (aws sso login)",
    "PermanentRedirect": "the bucket is in another region; name it with region=... or --region",
    "AuthorizationHeaderMalformed": "the bucket is in another region; name it with region=... or --region",
    "SlowDown": "the store asks for fewer requests; try again later",
}
_BY_STATUS = {"403": "AccessDenied", "401": "AccessDenied", "301": "PermanentRedirect", "503": "SlowDown"}


def is_expired(text: str) -> bool:
    """Return whether a refusal may be cured by newer credentials; one without a body (HEAD) may."""
    code = _code(text)
    return code in _EXPIRED or (code is None and "status code: 400" in text)


def missing(name: str, text: str, *, bucket: str | None) -> RLMError:
    """Return the error for what is not there: the object, or the bucket with all that could be in it."""
    if _code(text) == "NoSuchBucket":
        return SourceNotFound(
            f"{name}: there is no bucket {bucket or ''!r} at this endpoint; check its name, --profile and "
            "--endpoint-url"
        )
    return SegmentMissing(f"{name} is not there")


def refused(name: str, text: str) -> ContextError:
    """Return the error for a failed request, with the store's own words and a way out if one is known."""
    code, message, status = _code(text), _MESSAGE.search(text), _STATUS.search(text)
    known = code if code in _ADVICE else _BY_STATUS.get(status[1], "") if status else ""
    if status is None and ("invalid path" in text or "Could not parse path" in text):
        advice = (
            "a key with an empty part, '.' or '..' cannot be read; rename or delete that object, or bind a "
            "prefix without it"
        )
        return StoreUnavailable(f"{name}: {_plain(text)}; {advice}", may_pass=False)
    if status is None:
        return StoreUnavailable(f"{name}: {_plain(text)}")
    said = ": ".join(filter(None, (code, message[1] if message else None))) or status[2].strip()
    advice = f"; {_ADVICE[known]}" if known else ""
    return StoreUnavailable(f"{name}: the store answered {status[1]} {said}{advice}", status=int(status[1]))


def _code(text: str) -> str | None:
    found = _CODE.search(text)
    return found[1] if found else None


def _plain(text: str) -> str:
    # The text is followed by a dump of the Rust value, of which only one word helps anybody.
    said, _, dump = text.partition("Debug source")
    return " ".join(said.split()) + (": it took too long" if "TimedOut" in dump else "")
