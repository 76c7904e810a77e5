"""What is kept on disk between processes, in a folder that only its owner may enter.

`segment_cache` is the cache of segments read from remote stores, `reply_cache` that of sub-models' replies;
`DiskCache` is what they are made of.
"""

from .cache import DiskCache, DiskUsage
from .folder import cache_folder
from .shared import reply_cache, segment_cache

__all__ = ["DiskCache", "DiskUsage", "cache_folder", "reply_cache", "segment_cache"]
