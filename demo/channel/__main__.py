"""Broadcasts a title, and perhaps a digest and a URL: ``python -m demo.channel TITLE [DIGEST [URL]]``.

Environment: ``SERVER_API_URL`` (http://127.0.0.1:18080), ``CHANNEL_ID`` (news) and ``CHANNEL_SECRET`` (123456).
"""

import os
import sys
from urllib.error import URLError

from demo.calls import Refused
from demo.channel.newsroom import ChannelApi, Newsroom


def main() -> None:
    """Broadcast what the arguments say."""
    if not 2 <= len(sys.argv) <= 4:
        sys.exit(__doc__)
    url = os.environ.get("SERVER_API_URL", "http://127.0.0.1:18080")
    channel, secret = os.environ.get("CHANNEL_ID", "news"), os.environ.get("CHANNEL_SECRET", "123456")
    try:
        Newsroom(ChannelApi(url, channel, secret)).publish(*sys.argv[1:])
    except Refused as refused:
        sys.exit(f"The server refused it: {refused}")
    except URLError as error:
        sys.exit(f"Nothing answers at {url} ({error.reason}); make run serves it on this machine.")
    print(f"All who listen to the channel {channel} get it: {sys.argv[1]}")


if __name__ == "__main__":
    main()
