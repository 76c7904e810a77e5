"""Glob patterns over keys, with the meaning that they have for paths. Pure."""

from __future__ import annotations

import re


def glob_pattern(glob: str) -> re.Pattern[str]:
    r"""Return what matches the keys that a glob means: `*` and `?` stay within a part, `**` crosses parts.

    As with files, a part that begins with a dot is matched only by a dot in the pattern.

    >>> pattern = glob_pattern("logs/**/*.txt")
    >>> [bool(pattern.fullmatch(key)) for key in ("logs/a.txt", "logs/x/y/a.txt", "logs/.x/a.txt", "a.txt")]
    [True, True, False, False]
    """
    *folders, last = glob.split("/")
    parts = [r"(?:(?!\.)[^/]+/)*" if part == "**" else _part(part) + "/" for part in folders]
    parts.append(r"(?:(?!\.)[^/]+/)*(?!\.)[^/]+" if last == "**" else _part(last))
    return re.compile("".join(parts), re.DOTALL)


def _part(part: str) -> str:
    translated, at = "" if part.startswith(".") else r"(?!\.)", 0
    while at < len(part):
        end = part.find("]", at + 2 + (part[at + 1 : at + 2] == "!")) if part[at] == "[" else -1
        if end > 0:
            translated += _one_of(part[at + 1 : end])
            at = end
        else:
            translated += {"*": "[^/]*", "?": "[^/]"}.get(part[at], re.escape(part[at]))
        at += 1
    return translated


def _one_of(characters: str) -> str:
    is_negated = characters.startswith("!")
    listed = re.sub(r"([\\^\[\]&~|])", r"\\\1", characters[is_negated:])
    return f"(?!/)[{'^' if is_negated else ''}{listed}]"
