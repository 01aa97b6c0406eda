"""A bot that answers every text with the same text. Run it beside `make run`:

python clients/python/examples/echo_bot.py echo

and write to the user `echo` with `make chat USER=alice`, `/open echo`.
"""

import asyncio
import sys
from pathlib import Path

from wildfire_client import (
    ChatClient,
    ConnectionStatusChanged,
    MessageReceived,
    Quote,
    TextContent,
    TypingContent,
)
from wildfire_client.chat.development import Endpoints

LOCAL = Path(".local")


async def main(user_id: str) -> None:
    """Answer until the session ends."""
    endpoints = Endpoints.read(LOCAL / "endpoints.json")

    async def token() -> str:
        return await endpoints.token(user_id, client.client_id, 7)

    client = ChatClient(endpoints.socket, LOCAL / f"{user_id}.db", token_provider=token)
    async with client, client.events(MessageReceived, ConnectionStatusChanged) as events:
        await client.connect(user_id, await token())
        async for event in events:
            if isinstance(event, ConnectionStatusChanged):
                print(event.status, event.reason)  # noqa: T201
                if event.status.final:
                    return
            elif isinstance(event, MessageReceived):
                await answer(client, event)


async def answer(client: ChatClient, event: MessageReceived) -> None:
    """Answer a text of somebody else's."""
    message = event.message
    if message.mine or not isinstance(message.content, TextContent):
        return
    await client.send(event.conversation, TypingContent())
    quote = Quote(message.uid, message.sender, message.sender, client.digest(message))
    await client.send(event.conversation, TextContent(message.content.text, quote))
    client.mark_read(event.conversation, message.seq)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "echo"))
