"""The plain HTTP side on loopback ports: function URLs, and the buckets for outside clients."""

import base64
import fnmatch
import json
import re
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import unquote
from xml.sax.saxutils import escape

from aiohttp import BodyPartReader, web

from local import events
from local.cloud import Cloud, StoredObject, is_kept_header
from local.functions import FunctionFailed, FunctionHost
from local.sigv4 import SignatureError, verify_policy
from local.template import Bucket, CorsRule, FunctionUrl

MAX_PAYLOAD = 6 * 1024 * 1024
_TEXTUAL = re.compile(r"text/.*|application/(json|javascript|xml|.*\+(json|xml))")


class HttpMeter(Protocol):
    """Counts what leaves through HTTP."""

    def egress(self, source: str, size: int) -> None:
        """So many bytes went out to a client."""

    def bucket_request(self, operation: str) -> None:
        """An outside client made a request to a bucket."""


def cors_headers(rules: Sequence[CorsRule], origin: str | None, method: str) -> dict[str, str]:
    """The CORS headers of an answer, by the first rule that fits; none fits, none are sent."""
    for rule in rules:
        fits = origin is not None and any(fnmatch.fnmatchcase(origin, allowed) for allowed in rule.origins)
        if origin is None or not fits or not ({method, "*"} & set(rule.methods)):
            continue
        headers = {
            "Access-Control-Allow-Origin": "*" if "*" in rule.origins else origin,
            "Access-Control-Allow-Methods": ", ".join(rule.methods),
            "Vary": "Origin",
        }
        if rule.headers:
            headers["Access-Control-Allow-Headers"] = ", ".join(rule.headers)
        if rule.exposed:
            headers["Access-Control-Expose-Headers"] = ", ".join(rule.exposed)
        if rule.max_age_s is not None:
            headers["Access-Control-Max-Age"] = str(rule.max_age_s)
        return headers
    return {}


def _preflight(rules: Sequence[CorsRule], request: web.BaseRequest) -> web.Response:
    method = request.headers.get("Access-Control-Request-Method", "")
    headers = cors_headers(rules, request.headers.get("Origin"), method)
    return web.Response(status=200 if headers else 403, headers=headers)


class FunctionUrlServer:
    """Serves one function URL: every request becomes one invocation."""

    def __init__(self, url: FunctionUrl, host: FunctionHost, now_ms: Callable[[], int], meter: HttpMeter) -> None:
        self._url = url
        self._domain = url.url.removeprefix("https://").rstrip("/")
        self._host = host
        self._now_ms = now_ms
        self._meter = meter
        self._cors = [_function_cors(url.cors)] if url.cors else []
        self.server = web.Server(self._serve, access_log=None)

    async def _serve(self, request: web.BaseRequest) -> web.Response:
        if self._cors and request.method == "OPTIONS":
            return _preflight(self._cors, request)
        body = await request.content.read()
        if len(body) > MAX_PAYLOAD:
            return web.json_response({"message": "Request Entity Too Large"}, status=413)
        raw_path, _, query = request.raw_path.partition("?")
        textual = bool(_TEXTUAL.fullmatch(request.content_type)) and "Content-Type" in request.headers
        event = events.function_url(
            host=self._domain,
            method=request.method,
            path=unquote(raw_path),
            query=query,
            headers=[(name, value) for name, value in request.headers.items() if name.lower() != "host"]
            + [("host", self._domain), ("x-forwarded-proto", "https"), ("x-forwarded-for", request.remote or "")],
            source_ip=request.remote or "",
            body=body.decode("utf-8", "replace") if textual else base64.b64encode(body).decode(),
            is_base64=bool(body) and not textual,
            request_id=str(uuid.uuid4()),
            now=self._now_ms(),
        )
        try:
            response = _function_answer(await self._host.invoke(self._url.function, event))
        except FunctionFailed:
            response = web.Response(status=502, text="Internal Server Error")
        response.headers.update(cors_headers(self._cors, request.headers.get("Origin"), request.method))
        self._meter.egress("function_url", len(response.body) if isinstance(response.body, bytes) else 0)
        return response


def _function_cors(cors: Mapping[str, Any]) -> CorsRule:
    return CorsRule(
        methods=tuple(cors.get("AllowMethods", ["*"])),
        origins=tuple(cors.get("AllowOrigins", [])),
        headers=tuple(cors.get("AllowHeaders", [])),
        exposed=tuple(cors.get("ExposeHeaders", [])),
        max_age_s=cors.get("MaxAge"),
    )


def _function_answer(result: Any) -> web.Response:
    """A handler's result as HTTP: what has no status code is a JSON body of its own."""
    if not isinstance(result, dict) or "statusCode" not in result:
        return web.json_response(result)
    body = result.get("body") or ""
    data = base64.b64decode(body) if result.get("isBase64Encoded") else str(body).encode()
    headers = {name: str(value) for name, value in (result.get("headers") or {}).items()}
    if not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = "application/json"
    response = web.Response(status=int(result["statusCode"]), headers=headers, body=data)
    for cookie in result.get("cookies") or []:
        response.headers.add("Set-Cookie", cookie)
    return response


class _Denied(Exception):
    """S3 refuses a request, with its status and error code."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class BucketServer:
    """Serves the buckets, path-style, to outside clients: presigned POST, GET and HEAD.

    The policy of a presigned POST is enforced here, because moto does not. Objects can be read without a signature in the
    buckets that a distribution publishes; the others are private.

    Args:
        published: names of the buckets behind a distribution.
    """

    def __init__(
        self,
        buckets: Sequence[Bucket],
        cloud: Cloud,
        now_ms: Callable[[], int],
        secret_key: str,
        meter: HttpMeter,
        published: Collection[str] = (),
    ) -> None:
        self._buckets = {bucket.name: bucket for bucket in buckets}
        self._published = frozenset(published)
        self._cloud = cloud
        self._now_ms = now_ms
        self._secret_key = secret_key
        self._meter = meter
        self.server = web.Server(self._serve, access_log=None)

    async def _serve(self, request: web.BaseRequest) -> web.Response:
        name, _, key = unquote(request.raw_path.partition("?")[0]).lstrip("/").partition("/")
        bucket = self._buckets.get(name)
        if bucket is None:
            return _xml_error(_Denied(404, "NoSuchBucket", "The specified bucket does not exist"), {})
        cors = cors_headers(bucket.cors, request.headers.get("Origin"), request.method)
        try:
            if request.method == "OPTIONS":
                return _preflight(bucket.cors, request)
            if request.method == "POST" and not key:
                return await self._post(bucket, request, cors)
            if request.method in ("GET", "HEAD") and key:
                return self._get(bucket, key, request, cors)
            raise _Denied(403, "AccessDenied", "Access Denied")
        except _Denied as denial:
            return _xml_error(denial, cors)

    def _get(self, bucket: Bucket, key: str, request: web.BaseRequest, cors: Mapping[str, str]) -> web.Response:
        found = self._cloud.object(bucket.name, key)
        self._meter.bucket_request("GetObject")
        if found is None:
            raise _Denied(404, "NoSuchKey", "The specified key does not exist.")
        size = len(found.content)
        headers = {**found.headers, **cors, "Accept-Ranges": "bytes"}
        status, content = 200, found.content
        wanted = request.http_range
        if wanted.start is not None:
            start, stop, _ = wanted.indices(size)
            status, content = 206, content[start:stop]
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
        if request.method == "HEAD":
            return web.Response(status=status, headers={**headers, "Content-Length": str(len(content))})
        self._meter.egress("s3", len(content))
        return web.Response(status=status, headers=headers, body=content)

    async def _post(self, bucket: Bucket, request: web.BaseRequest, cors: Mapping[str, str]) -> web.Response:
        fields: dict[str, str] = {}
        content = b""
        if request.content_type != "multipart/form-data":
            raise _Denied(412, "PreconditionFailed", "Bucket POST must be of the enclosure-type multipart/form-data")
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader):
                raise _Denied(400, "MalformedPOSTRequest", "The body of your POST request is not well-formed")
            if part.name == "file":
                content = bytes(await part.read())
                fields["key"] = fields.get("key", "").replace("${filename}", part.filename or "")
                break
            fields[(part.name or "").lower()] = await part.text()
        else:
            raise _Denied(400, "InvalidArgument", "POST requires exactly one file upload per request.")
        self._check_policy(bucket, fields, len(content))
        headers = {name: value for name, value in fields.items() if is_kept_header(name)}
        self._cloud.put_object(bucket.name, StoredObject(fields["key"], content, headers))
        self._meter.bucket_request("PutObject")
        status = fields.get("success_action_status", "204")
        return web.Response(status=int(status) if status in ("200", "201") else 204, headers=dict(cors))

    def _check_policy(self, bucket: Bucket, fields: Mapping[str, str], size: int) -> None:
        names = ("policy", "x-amz-credential", "x-amz-signature", "key")
        if any(name not in fields for name in names):
            raise _Denied(403, "AccessDenied", "the form has no policy, credential, signature or key")
        try:
            verify_policy(self._secret_key, fields["policy"], fields["x-amz-credential"], fields["x-amz-signature"])
        except SignatureError as error:
            raise _Denied(403, "SignatureDoesNotMatch", str(error)) from None
        policy = json.loads(base64.b64decode(fields["policy"]))
        expires = datetime.fromisoformat(policy["expiration"].replace("Z", "+00:00")).astimezone(UTC)
        if expires.timestamp() * 1000 < self._now_ms():
            raise _Denied(403, "AccessDenied", "Invalid according to Policy: Policy expired.")
        _check_conditions(policy["conditions"], {**fields, "bucket": bucket.name}, size)


_UNCONDITIONAL = frozenset({"policy", "x-amz-signature", "file"})


def _check_conditions(conditions: Sequence[Any], fields: Mapping[str, str], size: int) -> None:
    """Check a form against its policy: every condition must hold, and every field must have a condition.

    Raises:
        _Denied: one does not hold; sizes have error codes of their own.
    """
    covered = {"bucket"}
    for condition in conditions:
        if isinstance(condition, dict):
            [(name, value)] = condition.items()
            operator, name = "eq", f"${name}"
        else:
            operator, name, value = condition
        if operator.lower() == "content-length-range":
            _check_size(int(name), int(value), size)
            continue
        field = name.removeprefix("$").lower()
        covered.add(field)
        given = fields.get(field, "")
        holds = given.startswith(value) if operator.lower() == "starts-with" else given == value
        if not holds:
            raise _Denied(403, "AccessDenied", f"Invalid according to Policy: Policy Condition failed: {condition}")
    extra = {name for name in fields if not name.startswith("x-ignore-")} - covered - _UNCONDITIONAL
    if extra:
        raise _Denied(403, "AccessDenied", f"Invalid according to Policy: Extra input fields: {', '.join(extra)}")


def _check_size(least: int, most: int, size: int) -> None:
    if size > most:
        raise _Denied(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
    if size < least:
        raise _Denied(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size")


def _xml_error(denial: _Denied, headers: Mapping[str, str]) -> web.Response:
    text = f"<Error><Code>{denial.code}</Code><Message>{escape(str(denial))}</Message></Error>"
    return web.Response(status=denial.status, headers=dict(headers), text=text, content_type="application/xml")
