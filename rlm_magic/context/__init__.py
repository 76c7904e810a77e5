"""The data column: a text of any size behind slicing.

`open_context` binds a source, `from_text` a str; `ingest` and `append` write one in the form that is read
fastest. A `Context` is what they return.
"""

from .context import Context
from .documents import Documents
from .info import Info, Unit
from .matches import Match, Matches
from .sources import from_text, open_context
from .utf8 import TextWarning
from .write import append, ingest

__all__ = [
    "Context",
    "Documents",
    "Info",
    "Match",
    "Matches",
    "TextWarning",
    "Unit",
    "append",
    "from_text",
    "ingest",
    "open_context",
]
