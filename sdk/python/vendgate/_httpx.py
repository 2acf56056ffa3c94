"""The transports for httpx."""

import threading

import anyio  # httpx's own
import httpx

from ._through import TIMEOUT, Through

_PATIENCE = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), TIMEOUT)}


class _Mapped:
    """What both transports have in common."""

    def __init__(self, transport, lock, options):
        self._through = Through(**options)
        self._base, self._lock = transport, lock

    def _call(self, request):
        """Returns the request to the gateway: the provider's path and query as httpx would have sent them."""
        url = request.url
        if url.userinfo:
            user = "user@"  # refused, whatever it is
        else:
            user = ""
        port = f":{url.port}" if url.port is not None else ""
        host = url.raw_host.decode("ascii")
        host = f"[{host}]" if ":" in host else host
        to = self._through.hosts.map(f"{url.scheme}://{user}{host}{port}{url.raw_path.decode('ascii')}")
        return self._request(
            request.method, to, self._through.headers(request.headers.multi_items()), request.stream, request.extensions
        )

    def _question(self, path):
        url, headers = self._through.question(path)
        return self._request("GET", url, list(headers.items()), httpx.ByteStream(b""), _PATIENCE)

    @staticmethod
    def _request(method, url, headers, stream, extensions):
        url = httpx.URL(url)
        return httpx.Request(
            method, url, headers=[("Host", url.netloc.decode("ascii")), *headers], stream=stream, extensions=extensions
        )


class Transport(_Mapped, httpx.BaseTransport):
    """Sends requests for an app's hosts to the gateway, and refuses all others. Each hop of a redirect passes it."""

    def __init__(self, *, transport=None, **options):
        super().__init__(transport or httpx.HTTPTransport(), threading.Lock(), options)

    def handle_request(self, request):
        if self._through.hosts is None:
            self._learn()
        return self._base.handle_request(self._call(request))

    def close(self):
        self._base.close()

    def _learn(self):
        turn = self._through.turn()
        with self._lock:
            if self._through.settled(turn):
                return
            questions = self._through.learn()
            try:
                path = next(questions)
                while True:
                    path = questions.send(self._ask(path, questions))
            except StopIteration:
                pass

    def _ask(self, path, questions):
        try:
            response = self._base.handle_request(self._question(path))
            try:
                return response.status_code, response.read()
            finally:
                response.close()
        except (httpx.HTTPError, OSError) as error:
            return questions.throw(self._through.failed(error))


class AsyncTransport(_Mapped, httpx.AsyncBaseTransport):
    """The same for httpx.AsyncClient."""

    def __init__(self, *, transport=None, **options):
        super().__init__(transport or httpx.AsyncHTTPTransport(), anyio.Lock(), options)

    async def handle_async_request(self, request):
        if self._through.hosts is None:
            await self._learn()
        return await self._base.handle_async_request(self._call(request))

    async def aclose(self):
        await self._base.aclose()

    async def _learn(self):
        turn = self._through.turn()
        async with self._lock:
            if self._through.settled(turn):
                return
            questions = self._through.learn()
            try:
                path = next(questions)
                while True:
                    path = questions.send(await self._ask(path, questions))
            except StopIteration:
                pass

    async def _ask(self, path, questions):
        try:
            response = await self._base.handle_async_request(self._question(path))
            try:
                return response.status_code, await response.aread()
            finally:
                await response.aclose()
        except (httpx.HTTPError, OSError) as error:
            return questions.throw(self._through.failed(error))
