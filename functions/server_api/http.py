"""The server API on a function URL: ``/admin/*`` and the diagnostics."""

from typing import Any

from im.wiring.api import server_api


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one HTTP call; the URL itself asks for no authorization, the API checks signatures."""
    return server_api().handle(event)
