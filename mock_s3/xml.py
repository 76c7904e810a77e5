"""S3's XML, written and read. Pure; nothing here knows what the elements mean."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from .errors import S3Error

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"

Element = tuple[str, "str | int | Iterable[Element]"]
"""A name and its content: text, a number, or further elements."""

_CONTROL = re.compile("[\x00-\x1f\x7f\ufffe\uffff]")


def document(root: str, content: Iterable[Element], *, namespace: bool = True) -> bytes:
    """Return the UTF-8 bytes of one XML document.

    >>> document("Error", [("Code", "NoSuchKey")], namespace=False).splitlines()[1]
    b'<Error><Code>NoSuchKey</Code></Error>'
    """
    attribute = f' xmlns="{NAMESPACE}"' if namespace else ""
    inside = "".join(_render(element) for element in content)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}{attribute}>{inside}</{root}>'.encode()


def _render(element: Element) -> str:
    name, content = element
    if isinstance(content, int):
        return f"<{name}>{content}</{name}>"
    if isinstance(content, str):
        return f"<{name}>{_text(content)}</{name}>"
    return f"<{name}>{''.join(_render(child) for child in content)}</{name}>"


def _text(text: str) -> str:
    # S3 sends characters which XML 1.0 forbids as references to them; so does this.
    return _CONTROL.sub(lambda found: f"&#{ord(found[0])};", escape(text))


def url_encoded(text: str) -> str:
    """Return the text as `encoding-type=url` wants it: slashes kept, a space as a plus sign.

    >>> url_encoded("a b/c+d")
    'a+b/c%2Bd'
    """
    return quote(text, safe="/*-._ ").replace(" ", "+")


def parse(body: bytes, root: str) -> ElementTree.Element:
    """Return the root of a request's XML with namespaces removed. Raises S3Error("MalformedXML")."""
    # A DTD is the one way XML can swell in memory; S3 has no use for one.
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise S3Error("MalformedXML", "a document type is not allowed")
    try:
        tree = ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        raise S3Error("MalformedXML", f"the request's XML does not parse: {error}") from error
    for element in tree.iter():
        element.tag = element.tag.rpartition("}")[2]
    if tree.tag != root:
        raise S3Error("MalformedXML", f"expected <{root}>, got <{tree.tag}>")
    return tree
