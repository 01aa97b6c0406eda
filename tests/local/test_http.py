import base64
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from local.topology import Topology

BUCKET = "storage-media"


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def upload_form(topology: Topology, http: aiohttp.ClientSession) -> dict[str, Any]:
    async with http.get(topology.endpoints["url:Http"] + "/upload") as response:
        form: dict[str, Any] = json.loads(await response.read())
        return form


async def upload(
    http: aiohttp.ClientSession, form: dict[str, Any], content: bytes, **changed: str
) -> aiohttp.ClientResponse:
    data = aiohttp.FormData()
    for name, value in {**form["fields"], **changed}.items():
        data.add_field(name, value)
    data.add_field("file", content, filename="note.txt")
    return await http.post(form["url"], data=data, headers={"Origin": "https://chat.example.com"})


# Function URLs


async def test_a_request_becomes_an_event_of_payload_format_2(sample: Topology, http: aiohttp.ClientSession) -> None:
    url = sample.endpoints["url:Http"] + "/some%20path?a=1&a=2&b=x%20y"
    headers = {"X-Thing": "one", "Cookie": "c=1; d=2", "Content-Type": "application/json"}
    async with http.post(url, data='{"ü": 1}'.encode(), headers=headers) as response:
        event = json.loads(await response.read())

    assert event["version"] == "2.0"
    assert event["rawPath"] == "/some path"
    assert event["rawQueryString"] == "a=1&a=2&b=x%20y"
    assert event["queryStringParameters"] == {"a": "1,2", "b": "x y"}
    assert event["headers"]["x-thing"] == "one"
    assert event["cookies"] == ["c=1", "d=2"]
    assert (event["body"], event["isBase64Encoded"]) == ('{"ü": 1}', False)
    request = event["requestContext"]["http"]
    assert (request["method"], request["path"], request["sourceIp"]) == ("POST", "/some path", "127.0.0.1")
    assert event["headers"]["host"] == event["requestContext"]["domainName"]
    assert event["requestContext"]["domainName"].endswith(".lambda-url.us-east-1.on.aws")


async def test_a_body_that_is_no_text_is_base64(sample: Topology, http: aiohttp.ClientSession) -> None:
    headers = {"Content-Type": "image/png"}
    async with http.post(sample.endpoints["url:Http"], data=b"\xff\x00", headers=headers) as response:
        event = json.loads(await response.read())

    assert event["isBase64Encoded"] is True
    assert base64.b64decode(event["body"]) == b"\xff\x00"


async def test_answers_are_mapped_to_http(sample: Topology, http: aiohttp.ClientSession) -> None:
    base = sample.endpoints["url:Http"]
    async with http.get(base + "/full") as response:
        assert (response.status, await response.read(), response.headers["X-Kind"]) == (201, b"hi", "full")
        assert response.headers.getall("Set-Cookie") == ["a=1", "b=2"]
    async with http.get(base + "/plain") as response:
        assert (response.status, await response.json()) == (200, {"hello": "world"})
    async with http.get(base + "/raise") as response:
        assert response.status == 502


async def test_a_payload_over_six_megabytes_is_refused(sample: Topology, http: aiohttp.ClientSession) -> None:
    async with http.post(sample.endpoints["url:Http"], data=io.BytesIO(b"x" * (6 * 1024 * 1024 + 1))) as response:
        assert response.status == 413


# Buckets


async def test_a_presigned_post_stores_an_object_that_everybody_can_read(
    sample: Topology, http: aiohttp.ClientSession
) -> None:
    form = await upload_form(sample, http)
    assert form["url"].startswith(sample.endpoints["media"])

    async with await upload(http, form, b"hello") as response:
        assert response.status == 204
    async with http.get(f"{sample.endpoints['media']}/{BUCKET}/media/note.txt") as response:
        assert (response.status, await response.read()) == (200, b"hello")
        assert response.headers["Content-Type"].startswith("text/plain")
    headers = {"Range": "bytes=1-2"}
    async with http.get(f"{sample.endpoints['media']}/{BUCKET}/media/note.txt", headers=headers) as response:
        assert (response.status, await response.read()) == (206, b"el")


@pytest.mark.parametrize(
    ("content", "changed", "status", "code"),
    [
        (b"x" * 11, {}, 400, "EntityTooLarge"),
        (b"x", {}, 400, "EntityTooSmall"),
        (b"okay", {"Content-Type": "text/html"}, 403, "AccessDenied"),
        (b"okay", {"key": "elsewhere/${filename}"}, 403, "AccessDenied"),
        (b"okay", {"x-amz-meta-extra": "1"}, 403, "AccessDenied"),
        (b"okay", {"x-amz-signature": "0" * 64}, 403, "SignatureDoesNotMatch"),
        (b"okay", {"policy": base64.b64encode(b"{}").decode()}, 403, "SignatureDoesNotMatch"),
    ],
)
async def test_what_the_policy_does_not_allow_is_refused(
    sample: Topology, http: aiohttp.ClientSession, content: bytes, changed: dict[str, str], status: int, code: str
) -> None:
    form = await upload_form(sample, http)

    async with await upload(http, form, content, **changed) as response:
        assert (response.status, code in await response.text()) == (status, True)
    assert sample.cloud.objects(BUCKET) == []


async def test_a_form_expires(sample: Topology, http: aiohttp.ClientSession) -> None:
    form = await upload_form(sample, http)
    sample.clock.advance(seconds=61)

    async with await upload(http, form, b"hello") as response:
        assert (response.status, "expired" in await response.text()) == (403, True)


async def test_a_post_without_a_policy_and_other_methods_are_refused(
    sample: Topology, http: aiohttp.ClientSession
) -> None:
    bucket = f"{sample.endpoints['media']}/{BUCKET}"
    form = aiohttp.FormData({"key": "k"})
    form.add_field("file", b"content", filename="f")
    async with http.post(bucket, data=form) as response:
        assert response.status == 403
    async with http.post(bucket, data="content") as response:
        assert response.status == 412
    async with http.put(f"{bucket}/k", data=b"content") as response:
        assert response.status == 403
    async with http.get(bucket) as response:
        assert response.status == 403
    async with http.get(f"{bucket}/absent") as response:
        assert response.status == 404
    async with http.get(f"{sample.endpoints['media']}/unknown/k") as response:
        assert response.status == 404


async def test_cors_follows_the_buckets_rules(sample: Topology, http: aiohttp.ClientSession) -> None:
    bucket = f"{sample.endpoints['media']}/{BUCKET}"

    async def preflight(origin: str, method: str) -> aiohttp.ClientResponse:
        headers = {"Origin": origin, "Access-Control-Request-Method": method}
        async with http.options(bucket, headers=headers) as response:
            return response

    allowed = await preflight("https://chat.example.com", "POST")
    form = await upload_form(sample, http)
    async with await upload(http, form, b"hello") as stored:
        assert stored.headers["Access-Control-Allow-Origin"] == "https://chat.example.com"
    assert allowed.status == 200
    assert allowed.headers["Access-Control-Allow-Origin"] == "https://chat.example.com"
    assert allowed.headers["Access-Control-Max-Age"] == "600"
    assert (await preflight("https://elsewhere.org", "POST")).status == 403
    assert (await preflight("https://chat.example.com", "DELETE")).status == 403


async def test_a_functions_own_objects_are_there_for_outside_clients(
    sample: Topology, http: aiohttp.ClientSession
) -> None:
    sample.cloud.client("s3").put_object(Bucket=BUCKET, Key="a b/ü.txt", Body=b"own", ContentType="text/plain")

    async with http.get(f"{sample.endpoints['media']}/{BUCKET}/a b/ü.txt") as response:
        assert (response.status, await response.read()) == (200, b"own")


async def test_http_egress_and_bucket_requests_are_metered(sample: Topology, http: aiohttp.ClientSession) -> None:
    sample.cloud.client("s3").put_object(Bucket=BUCKET, Key="k", Body=b"x" * 1000)
    with sample.meter.measure() as measured:
        async with http.get(f"{sample.endpoints['media']}/{BUCKET}/k") as response:
            await response.read()

    assert measured.units("egress.byte") == 1000
    assert measured.units("s3.read") == 1
