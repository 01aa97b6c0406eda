"""Deliberately broken builds. The checker has to find each of them; one that it does not find is a hole in the checker.

A broken server is a copy of the sources with some text replaced, which the runner loads in place of the repository. A
replacement that does not fit the sources any more raises, so that a mutation cannot silently become harmless.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from local.synth import ROOT
from wildfire_client.sync import Sync

_LAYER = Path("layers/core/python")
_PUBLISH = "im/message/publish.py"


class DoesNotFit(Exception):
    """A mutation's text is not in the sources exactly once."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """A broken build.

    Attributes:
        edits: file below the layer's import root, text, replacement.
        weathers: the faults under which it has to show.
        shows: the kinds of violations, of which one at least has to be counted.
        client: whether the client is broken: it never pulls.
    """

    edits: Sequence[tuple[str, str, str]]
    weathers: Sequence[str]
    shows: Sequence[str]
    client: bool = False


MUTATIONS = {
    "no base check": Mutation(
        [
            (
                _PUBLISH,
                'if found is None:\n            raise InvalidError(f"base {seq} does not exist in this conversation")',
                "if found is None:\n            return Head(seq)",
            )
        ],
        ["none"],
        ["gaps"],
    ),
    "dedupe off": Mutation(
        [("im/message/model.py", "return (self.sender, self.cid) == (other.sender, other.cid)", "return False")],
        ["failures, also after commit"],
        ["duplicated"],
    ),
    "no gap pull": Mutation([], ["lost $disconnect"], ["lost"], client=True),
    "410 deletes the wrong device": Mutation(
        [
            (
                "im/delivery/service.py",
                "        for post in outcome.gone:\n            before =",
                "        for post in outcome.gone:\n"
                "            for other in presences[post.user].devices:\n"
                "                self.presence.disconnect(post.user, other.client, other.connection, now)\n"
                "            before =",
            )
        ],
        ["silently dropped sockets"],
        ["late", "lost"],
    ),
    "removed member still served": Mutation(
        [
            (
                "im/group/store.py",
                "if cached is not None and cached.version >= min_version:",
                "if cached is not None:",
            )
        ],
        ["none"],
        ["seen_after_removal"],
    ),
    "stamp after append": Mutation(
        [
            (_PUBLISH, "        self._stamp(conversation, sender, context)\n        hint =", "        hint ="),
            (
                _PUBLISH,
                "        self._remember(appended)\n        message = ",
                "        self._remember(appended)\n"
                "        self._stamp(conversation, sender, context)\n        message = ",
            ),
        ],
        ["none"],
        ["late", "lost"],
    ),
    "a robot's messages overtake one another": Mutation(
        [("im/robot/outlet.py", 'group=f"{robot}\\n{message.log}"', 'group=f"{robot}\\n{message.uid}"')],
        ["none"],
        ["reordered", "gaps"],
    ),
    "a robot's failure is forgotten": Mutation(
        [("im/robot/worker.py", "raise RetryLater(str(error), error.retry_after_s) from error", "return")],
        ["none"],
        ["lost", "gaps"],
    ),
    "a channel forgets a subscriber": Mutation(
        [
            (
                "im/channel/spreading.py",
                "spread.after, PAGE)]\n        online",
                "spread.after, PAGE)][1:]\n        online",
            )
        ],
        ["none"],
        ["late", "lost"],
    ),
}


@contextmanager
def broken_build(mutation: Mutation, directory: Path) -> Iterator[Sequence[Path]]:
    """The roots to run the functions from, with the mutation in effect.

    Args:
        mutation: what to break.
        directory: an empty one, for the copy.

    Raises:
        DoesNotFit: the sources have changed.
    """
    layer = directory / _LAYER
    keep = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "functions", directory / "functions", ignore=keep)
    shutil.copytree(ROOT / _LAYER / "im", layer / "im", ignore=keep)
    for file, old, new in mutation.edits:
        path = layer / file
        text = path.read_text()
        if text.count(old) != 1:
            raise DoesNotFit(f"{file} has {text.count(old)} times: {old}")
        path.write_text(text.replace(old, new))
    roots = (directory, layer)
    if not mutation.client:
        yield roots
        return

    async def never(_: Sync) -> None:
        """Leaves everything behind that is behind."""

    with patch.object(Sync, "pull", never):
        yield roots
