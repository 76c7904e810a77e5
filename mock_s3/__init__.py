"""A local stand-in for S3: a directory served over HTTP, with a network model and faults.

`serve(DIR)` runs one in a process of its own, `write_sample(DIR)` makes a bucket to serve. Signatures are
not verified: it is for tests and demonstrations on one's own machine.
"""

from .errors import MockS3Error
from .incident import Incident
from .network import Network
from .sample import Sample, write_sample
from .serve import Server, serve
from .stats import RequestRecord, Stats

__all__ = [
    "Incident",
    "MockS3Error",
    "Network",
    "RequestRecord",
    "Sample",
    "Server",
    "Stats",
    "serve",
    "write_sample",
]
