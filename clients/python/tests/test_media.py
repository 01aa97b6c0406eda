"""Uploads: streamed as a presigned POST, with progress, and messages that wait for their file."""

import asyncio
import errno
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from clients.python.tests.conftest import Harness, Recorder, until
from clients.python.tests.fake_http import FakeHttp
from wildfire_client import (
    ChatError,
    Code,
    Conversation,
    FileContent,
    ImageContent,
    MediaType,
    MessageStatus,
    UploadProgress,
)
from wildfire_client import media as media_module

PHOTO = bytes(range(256)) * 1_000
BOB = Conversation.single("bob")


@pytest.fixture
async def media(harness: Harness) -> AsyncIterator[FakeHttp]:
    async with FakeHttp() as running:
        harness.server.upload_url = f"{running.url}/bucket"
        yield running


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / 'my "photo".jpg'
    path.write_bytes(PHOTO)
    return path


async def test_a_file_is_uploaded_with_the_fields_of_its_ticket(harness: Harness, media: FakeHttp, photo: Path) -> None:
    client = await harness.connected()
    told: list[tuple[int, int]] = []
    url = await client.upload(photo, MediaType.IMAGE, progress=lambda sent, total: told.append((sent, total)))
    assert url == 'https://media.example/1-my "photo".jpg'
    assert harness.server.bodies("upload") == [
        {"mediaType": 1, "name": 'my "photo".jpg', "size": 256_000, "contentType": "image/jpeg"}
    ]
    form = media.forms[0]
    assert form["file"] == PHOTO
    assert (form["key"], form["policy"]) == (b'1-my "photo".jpg', b"p")
    assert form["filename"] == b"my _photo_.jpg"
    await until(lambda: told[-1] == (256_000, 256_000))
    assert [sent for sent, _ in told] == sorted(sent for sent, _ in told)
    assert 3 < len(told) < 20


async def test_bytes_are_uploaded_under_a_name(harness: Harness, media: FakeHttp) -> None:
    client = await harness.connected()
    await client.upload(b"abc", MediaType.PORTRAIT, name="me.png")
    assert media.forms[0]["file"] == b"abc"


async def test_a_file_message_is_sent_when_its_file_is_uploaded(harness: Harness, media: FakeHttp, photo: Path) -> None:
    client = await harness.connected()
    recorder = Recorder(client, UploadProgress)
    message = await client.send_file(BOB, photo)
    sent = await client.settled(message)
    assert sent.status is MessageStatus.SENT
    assert isinstance(sent.content, FileContent)
    assert (sent.content.url, sent.content.size) == ('https://media.example/1-my "photo".jpg', 256_000)
    assert sent.content.local_path == str(photo)
    stored = harness.server.bodies("send")[0]["content"]
    assert stored["remoteMediaUrl"] == sent.content.url
    assert "local" not in str(stored)
    await until(lambda: recorder.events)
    assert recorder.events[-1].message.id == message.id


async def test_a_text_does_not_wait_for_an_upload(harness: Harness, media: FakeHttp, photo: Path) -> None:
    client = await harness.connected()
    media.hold = asyncio.Event()
    file = await client.send_file(BOB, photo)
    assert (await client.settled(await client.send(BOB, "a photo follows"))).seq == 1
    media.hold.set()
    assert (await client.settled(file)).seq == 2


async def test_a_store_in_trouble_gets_the_file_again_with_a_new_ticket(
    harness: Harness, media: FakeHttp, photo: Path
) -> None:
    client = await harness.connected()
    media.answers = [503, 403]
    message = await client.send_file(BOB, photo)
    for attempt in (1, 2):
        await until(lambda attempt=attempt: len(media.forms) == attempt)
        await until(lambda: harness.clock.delays[0] <= 4)
        await harness.clock.advance(4)
    assert (await client.settled(message)).status is MessageStatus.SENT
    assert harness.server.ticket_count == 3
    assert [form["file"] for form in media.forms] == [PHOTO] * 3


async def test_a_file_that_the_store_refuses_fails_its_message_and_can_be_sent_again(
    harness: Harness, media: FakeHttp, photo: Path
) -> None:
    client = await harness.connected()
    media.answers = [400]
    failed = await client.settled(await client.send_file(BOB, photo))
    assert (failed.status, failed.error) == (MessageStatus.FAILED, Code.UPLOAD_FAILED)
    await client.resend(failed)
    assert (await client.settled(failed)).status is MessageStatus.SENT


async def test_an_upload_that_was_cut_off_by_a_restart_is_done_again(
    harness: Harness, media: FakeHttp, photo: Path
) -> None:
    client = await harness.connected(store="live.db")
    media.hold = asyncio.Event()
    message = await client.send_file(BOB, photo)
    await until(lambda: media.requests)
    media.hold.set()
    await harness.close(client)
    again = await harness.connected(store="live.db")
    kept = again.message(message.id)
    assert kept is not None
    assert (await again.settled(kept)).status is MessageStatus.SENT


async def test_an_upload_can_be_taken_back(harness: Harness, media: FakeHttp, photo: Path) -> None:
    client = await harness.connected()
    media.hold = asyncio.Event()
    message = await client.send_file(BOB, photo)
    await until(lambda: media.requests)
    assert client.cancel(message)
    assert client.messages(BOB) == []
    media.hold.set()
    await client.settled(await client.send(BOB, "something else"))
    assert harness.server.count("send") == 1


async def test_a_file_that_is_gone_fails_its_message(harness: Harness, media: FakeHttp, photo: Path) -> None:
    client = await harness.connected()
    failed = await client.settled(await client.send(BOB, ImageContent(local_path="/nowhere/x.jpg")))
    assert (failed.status, failed.error) == (MessageStatus.FAILED, Code.FILE_MISSING)
    with pytest.raises(ChatError) as caught:
        await client.send_file(BOB, "/nowhere/x.jpg")
    assert caught.value.code == Code.FILE_MISSING
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.ENOENT


async def test_a_file_that_is_too_large_is_not_sent_away(harness: Harness, media: FakeHttp, photo: Path) -> None:
    harness.server.server_info["maxUploadBytes"] = 1_000
    client = await harness.connected()
    failed = await client.settled(await client.send_file(BOB, photo))
    assert (failed.status, failed.error) == (MessageStatus.FAILED, Code.MESSAGE_TOO_LARGE)
    assert media.requests == []


def test_an_upload_that_was_stopped_reads_no_further() -> None:
    form = media_module._Form({"key": "k"}, io.BytesIO(PHOTO), len(PHOTO), "x.jpg", "image/jpeg")
    assert len(form.read(100)) == 100
    form.stopped.set()
    with pytest.raises(media_module._Stopped):
        form.read(100)
