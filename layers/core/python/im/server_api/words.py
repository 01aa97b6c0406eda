"""Sensitive words (server-api spec 2.7)."""

from im.server_api.registry import Services, endpoint
from im.wire.api import words as wire


@endpoint("/admin/sensitive/add", wire.Words)
def add_words(services: Services, body: wire.Words) -> None:
    """Add sensitive words, in lower case."""
    services.words.add(body.words)


@endpoint("/admin/sensitive/del", wire.Words)
def remove_words(services: Services, body: wire.Words) -> None:
    """Remove sensitive words, given exactly."""
    services.words.remove(body.words)


@endpoint("/admin/sensitive/query", None, wire.WordList)
def list_words(services: Services, _: None) -> wire.WordList:
    """All sensitive words."""
    return wire.WordList(services.words.words())
