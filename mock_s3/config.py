"""Every default of the stand-in, once. Sizes in bytes, times in the unit of the name."""

from __future__ import annotations

KIB = 1024
MIB = 1024 * KIB

HOST = "127.0.0.1"
REGION = "us-east-1"
PRIVATE_NAME = ".mock_s3"
"""Directory under DIR for what is no object: uploads in progress, sidecars, temporary files."""

CONTROL_PREFIX = "/_mock/"
"""No bucket can be named _mock."""

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 5.0
CONTROL_TIMEOUT_S = 30.0
PARENT_POLL_S = 1.0

HEAD_BYTES = 64 * KIB
"""Largest request line and headers; more is refused."""
MESSAGE_BYTES = 8 * MIB
"""Largest request body which is not an object: XML for DeleteObjects and the like."""
CHUNK_BYTES = 256 * KIB
"""A body is read from its file and handed to the socket in pieces of this size."""
PACED_CHUNK_S = 0.01
"""Under a bandwidth limit a piece is what the link carries in this time, so that connections share it."""
PACED_CHUNK_BYTES = 1 * KIB
INLINE_HASH_BYTES = 1 * MIB
"""Files up to this size are hashed between two requests; larger ones in a thread."""
SETTLED_NS = 100_000_000
"""A file changed less than this long ago may change again within one tick of its timestamp."""

PART_BYTES = 5 * MIB
"""S3's smallest part of a multipart upload, except the last."""
PARTS = 10_000
KEY_BYTES = 1024
PAGE_KEYS = 1000
REQUEST_LOG = 20_000
"""How many of the latest requests the server remembers for `requests()`."""

SAMPLE_BUCKET = "logs"
SAMPLE_PREFIX = "service/"
SAMPLE_LINES_PER_OBJECT = 1000
