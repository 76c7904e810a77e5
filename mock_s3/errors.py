"""What goes wrong, as S3 names it. Every refusal a client sees is an `S3Error`.

MockS3Error (RuntimeError)    the stand-in itself could not start, or its process died
S3Error                       an answer to one request: a code, its HTTP status, a message
"""

from __future__ import annotations

STATUS_BY_CODE = {
    "AccessDenied": 403,
    "AuthorizationHeaderMalformed": 400,
    "BadDigest": 400,
    "BucketNotEmpty": 409,
    "ConditionalRequestConflict": 409,
    "EntityTooLarge": 400,
    "EntityTooSmall": 400,
    "ExpiredToken": 400,
    "IncompleteBody": 400,
    "InternalError": 500,
    "InvalidArgument": 400,
    "InvalidBucketName": 400,
    "InvalidDigest": 400,
    "InvalidPart": 400,
    "InvalidPartOrder": 400,
    "InvalidRange": 416,
    "InvalidRequest": 400,
    "InvalidURI": 400,
    "KeyTooLongError": 400,
    "MalformedXML": 400,
    "MethodNotAllowed": 405,
    "MissingContentLength": 411,
    "NoSuchBucket": 404,
    "NoSuchKey": 404,
    "NoSuchUpload": 404,
    "NotImplemented": 501,
    "NotModified": 304,
    "PreconditionFailed": 412,
    "RequestTimeTooSkewed": 403,
    "SlowDown": 503,
    "XAmzContentSHA256Mismatch": 400,
}


class MockS3Error(RuntimeError):
    """The stand-in could not start, stopped by itself, or did not answer a control request."""


class S3Error(Exception):
    """One request refused. `code` is S3's name for it and decides `status`; `headers` ride along."""

    def __init__(self, code: str, message: str, *, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = STATUS_BY_CODE[code]
        self.headers = headers or {}
