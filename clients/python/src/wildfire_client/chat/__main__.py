"""Start the chat: a screen on a terminal, line by line otherwise."""

import argparse
import asyncio
import importlib.util
import sys
from pathlib import Path

from wildfire_client import ChatClient, Platform, StoreError
from wildfire_client.chat.development import Endpoints, SetupError
from wildfire_client.chat.plain import Plain
from wildfire_client.chat.session import Session


def main() -> None:
    """Entry point of `wildfire-chat`."""
    arguments = _parse()
    try:
        asyncio.run(_run(arguments))
    except (SetupError, StoreError) as error:
        sys.exit(f"wildfire-chat: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="wildfire-chat",
        description="Chat in the terminal, as any user of a development server: the program issues its token itself, "
        "with the administrator's secret that the endpoints file names. Products do that in their own back end.",
    )
    parser.add_argument("--user", required=True, help="the user id to be")
    parser.add_argument("--endpoints", type=Path, default=Path(".local/endpoints.json"), help="where the server is")
    parser.add_argument("--store", type=Path, help="the message store (default: chat/USER.db beside the endpoints)")
    parser.add_argument("--platform", type=int, default=int(Platform.LINUX), help="device class (default: 7, Linux)")
    parser.add_argument("--language", choices=["en", "zh"], default="en", help="language of the digests")
    parser.add_argument("--plain", action="store_true", help="line by line, as it is without a terminal")
    return parser.parse_args()


async def _run(arguments: argparse.Namespace) -> None:
    endpoints = Endpoints.read(arguments.endpoints)
    store: Path = arguments.store or arguments.endpoints.parent / "chat" / f"{_file_name(arguments.user)}.db"
    await asyncio.to_thread(store.parent.mkdir, parents=True, exist_ok=True)

    async def token() -> str:
        return await endpoints.token(arguments.user, client.client_id, arguments.platform)

    client = ChatClient(
        endpoints.socket, store, platform=arguments.platform, language=arguments.language, token_provider=token
    )
    async with client:
        plain = arguments.plain or not (sys.stdin.isatty() and sys.stdout.isatty())
        if not plain and importlib.util.find_spec("prompt_toolkit") is None:
            raise SetupError("the screen needs prompt_toolkit: pip install 'wildfire-client[chat]', or use --plain")
        if plain:
            lines = Plain()
            session = Session(client, lines.changed)
            run = lines.run(session)
        else:
            from wildfire_client.chat.screen import Screen  # noqa: PLC0415  prompt_toolkit is an optional extra

            screen = Screen()
            session = Session(client, screen.changed)
            run = screen.run(session)
        try:
            await client.connect(arguments.user, await token())
        except SetupError:
            run.close()
            raise
        await run


def _file_name(user_id: str) -> str:
    """A user id may hold any character; a file name may not."""
    return "".join(char if char.isalnum() or char in "-_." else f"%{ord(char):x}" for char in user_id)


if __name__ == "__main__":
    main()
