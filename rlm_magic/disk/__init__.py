"""What is kept on disk between processes, in a folder that only its owner may enter.

`segment_cache` is the cache of segments read from remote stores; `DiskCache` is what it is made of.
"""

from .cache import DiskCache, DiskUsage
from .folder import cache_folder
from .shared import segment_cache

__all__ = ["DiskCache", "DiskUsage", "cache_folder", "segment_cache"]
