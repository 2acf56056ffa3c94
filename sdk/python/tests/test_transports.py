"""The transports with requests and httpx themselves: each test runs with each of them."""

import asyncio
import os
import pickle
import socket
import tempfile
import threading
import unittest
from unittest import mock

import httpx
import requests

import vendgate

from .gateway import ACME, ALICE, KEY, SECRET, TENANT_KEY, Server, start_vendgate

API = "https://api.acme.example/v1"


class WithRequests:
    def client(self, **options):
        session = vendgate.requests_session(**options)
        self.addCleanup(session.close)

        def call(method, url, headers=None, body=None):
            response = session.request(method, url, headers=headers, data=body, timeout=30)
            return response.status_code, response.json()["line"]

        return call


class WithHttpx:
    def client(self, **options):
        client = httpx.Client(transport=vendgate.httpx_transport(**options), follow_redirects=True, timeout=30)
        self.addCleanup(client.close)

        def call(method, url, headers=None, body=None):
            response = client.request(method, url, headers=headers, content=body)
            return response.status_code, response.json()["line"]

        return call


class WithAsyncHttpx:
    """Each call in a loop of its own, so that a transport outlives one."""

    def client(self, **options):
        transport = vendgate.httpx_async_transport(**options)

        async def request(method, url, headers, body):
            content = body if body is None or isinstance(body, bytes) else pieces(body)
            async with httpx.AsyncClient(transport=KeptOpen(transport), follow_redirects=True, timeout=30) as client:
                try:
                    response = await client.request(method, url, headers=headers, content=content)
                finally:
                    await transport.aclose()
                return response.status_code, response.json()["line"]

        return lambda method, url, headers=None, body=None: asyncio.run(request(method, url, headers, body))


class KeptOpen(httpx.AsyncBaseTransport):
    def __init__(self, transport):
        self.transport = transport

    async def handle_async_request(self, request):
        return await self.transport.handle_async_request(request)


async def pieces(body):
    for piece in body:
        yield piece


class Cases:
    def refused(self, reason, call, *args):
        with self.assertRaises(vendgate.Refused) as caught:
            call(*args)
        self.assertEqual(caught.exception.reason, reason, str(caught.exception))
        self.assertNotIn(KEY, str(caught.exception))
        return str(caught.exception)

    def test_calls_bodies_and_headers(self):
        gateway = Server(self)
        call = self.client(**gateway.options(errors="passthrough"))
        headers = {
            "authorization": "Bearer placeholder",
            "X-Vendgate-Key": "k",
            "X-User-Email": "bob@example.com",
            "Host": "api.acme.example",
            "X-Trace": "7",
        }
        self.assertEqual(
            call("POST", f"{API}/a%2Fb;c?x=%2F&y=", headers, "Größe? 🐘".encode()),
            (200, "POST /proxy/conn_1/acme/a%2Fb;c?x=%2F&y="),
        )
        ((_, got, body),) = gateway.took()
        self.assertEqual(body.decode(), "Größe? 🐘")
        for name, want in {
            "Authorization": [f"Bearer {KEY}"],
            "X-Vendgate-Key": None,
            "X-User-Email": [ALICE],
            "X-Trace": ["7"],
            "Vendgate-Errors": ["passthrough"],
            "Host": [gateway.host],
            "Content-Length": ["13"],
        }.items():
            self.assertEqual(got.get_all(name), want, name)
        call("PUT", "https://files.acme.example/x", None, iter([b"one ", b"two"]))
        ((line, _, body),) = gateway.took()
        self.assertEqual((line, body), ("PUT /proxy/conn_1/acme/~files.acme.example/x", b"one two"))
        self.assertEqual(gateway.asked, ["/apps/acme"])

    def test_other_hosts_get_nothing(self):
        elsewhere, gateway = Server(self), Server(self)
        call = self.client(**gateway.options())
        for url in [
            "https://evil.example/v1/x",
            "http://api.acme.example/v1/x",
            "https://api.acme.example:8443/v1/x",
            f"{elsewhere.url}/x",
        ]:
            self.assertIn(url.split("/")[2], self.refused("host", call, "GET", url))
            self.refused("host", call, "POST", url, None, b"x")
        self.refused("path", call, "GET", "https://api.acme.example/other")
        self.refused("gateway", call, "GET", f"{gateway.url}/platform/v1/apps")
        self.refused("url", call, "GET", "https://u:p@api.acme.example/v1/x")
        self.assertEqual((gateway.took(), elsewhere.took()), ([], []))

    def test_dots_never_leave_the_connection(self):
        gateway = Server(self)
        call = self.client(**gateway.options(hosts=[{"host": "api.acme.example", "base_path": "", "path": ""}]))
        for path in ["/a/%2e%2e/%2e%2e/conn_2/acme/x", "/../../conn_2/acme/x", "/a%2f..%2f..%2f..", "/%252e%252e/x"]:
            try:  # some resolve dots before
                call("GET", f"https://api.acme.example{path}")
            except vendgate.Refused as refused:
                self.assertEqual(refused.reason, "dots")
        for line, _, _ in gateway.took():
            self.assertTrue(line.startswith("GET /proxy/conn_1/acme/"), line)

    def test_redirects_stay_within_the_app(self):
        elsewhere = Server(self)
        leads = [""]
        gateway = Server(self, lambda line: (200, {}) if "next" in line else (307, {"Location": leads[0]}))
        call = self.client(**gateway.options())
        for location, line in {
            "/proxy/conn_1/acme/next?page=2": "POST /proxy/conn_1/acme/next?page=2",
            f"{gateway.url}/proxy/conn_1/acme/next": "POST /proxy/conn_1/acme/next",
            "next": "POST /proxy/conn_1/acme/next",
            "https://files.acme.example/next?a=1": "POST /proxy/conn_1/acme/~files.acme.example/next?a=1",
        }.items():
            leads[0] = location
            self.assertEqual(call("POST", f"{API}/x", {"X-Api-Key": "placeholder"}, b"text"), (200, line))
            _, headers, body = gateway.took()[-1]
            self.assertEqual(
                (headers["Authorization"], headers["X-User-Email"], body), (f"Bearer {KEY}", ALICE, b"text")
            )
        for location in [f"{elsewhere.url}/next", gateway.url.replace("127.0.0.1", "localhost") + "/next"]:
            leads[0] = location
            self.refused("host", call, "GET", f"{API}/x", {"X-Api-Key": "placeholder"})
        leads[0] = f"{gateway.url}/proxy/conn_2/acme/next"
        self.refused("gateway", call, "GET", f"{API}/x")
        self.assertEqual(elsewhere.took(), [])
        self.assertFalse([line for line, _, _ in gateway.took() if "conn_2" in line])

    def test_hosts_that_are_not_told_are_asked_for_again(self):
        answers = [
            (401, {"code": "invalid_tenant_key"}, "told"),
            (403, {"code": "capability_disabled"}, "pass hosts, or grant its tenant the capability apps"),
            (404, {"code": "unknown_app"}, "a caller key must be one that may call it"),
            (404, {"code": "not_found"}, "without the Platform API"),
            (502, None, "502"),
            (200, {}, "update it, or pass hosts"),
        ]
        queue = [(status, data) for status, data, _ in answers] + [(200, {"hosts": ACME})]
        gateway = Server(self, told=lambda _path: queue.pop(0))
        call = self.client(**gateway.options())
        for status, data, message in answers:
            with self.assertRaises(vendgate.LearningError) as caught:
                call("GET", f"{API}/x")
            self.assertIn(message, str(caught.exception))
            self.assertEqual(caught.exception.code, (data or {}).get("code"))
        self.assertEqual(call("GET", f"{API}/x")[0], 200)
        self.assertEqual(len(gateway.took()), 1)

    def test_an_unreachable_gateway(self):
        gateway = Server(self)
        self.doCleanups()
        call = self.client(**gateway.options())
        with self.assertRaises(vendgate.LearningError) as caught:
            call("GET", f"{API}/x")
        self.assertNotIn(KEY, str(caught.exception))
        self.assertIn("(ECONNREFUSED)", str(caught.exception))

    def test_fields_of_the_connection(self):
        zendesk = [
            {"host": "{subdomain}.zendesk.com", "base_path": "", "path": "", "slots": {"subdomain": {"kind": "label"}}}
        ]
        answer = [200]

        def told(path):
            return (
                (200, {"hosts": zendesk})
                if path.startswith("/apps/")
                else (answer[0], {"code": "x", "fields": {"subdomain": "acme"}})
            )

        gateway = Server(self, told=told)
        call = self.client(**gateway.options())
        self.assertEqual(call("GET", "https://acme.zendesk.com/x")[0], 200)
        self.refused("account", call, "GET", "https://other.zendesk.com/x")
        self.assertEqual(gateway.asked, ["/apps/acme", "/connections/conn_1"])
        for answer[0] in (401, 403, 404):
            self.assertEqual(self.client(**gateway.options())("GET", "https://other.zendesk.com/x")[0], 200)
        gateway.asked.clear()
        own = self.client(**gateway.options(hosts=zendesk, fields={"subdomain": "acme"}))
        self.refused("account", own, "GET", "https://other.zendesk.com/x")
        self.assertEqual(gateway.asked, [])

    def test_options(self):
        gateway = Server(self)
        for wrong in [
            {"gateway": "http://gw.example"},
            {"gateway": ""},
            {"gateway": "https://u@gw.example"},
            {"gateway": "https://gw.example?x"},
            {"key": "a b"},
            {"key": None},
            {"key": "a\n"},
            {"connection": ""},
            {"app": ".."},
            {"email": "a\nb"},
            {"hosts": []},
            {"errors": "mapped"},
        ]:
            with self.subTest(wrong), self.assertRaises(ValueError):
                self.client(**gateway.options(**wrong))

    def test_a_real_gateway(self):
        provider = Server(
            self, lambda line: (302, {"Location": "/v1/models?page=2"}) if line == "GET /v1/models" else (200, {})
        )
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        options = {
            "gateway": start_vendgate(self, temporary.name, provider.url),
            "key": TENANT_KEY,
            "email": ALICE,
            "connection": "conn_1",
            "app": "openai",
        }
        call = self.client(**options)
        self.assertEqual(call("GET", f"{provider.url}/v1/models"), (200, "GET /v1/models?page=2"))
        calls = provider.took()
        self.assertEqual(len(calls), 2)
        for _, headers, _ in calls:
            self.assertEqual(headers["Authorization"], f"Bearer {SECRET}")
            self.assertFalse([text for text in (TENANT_KEY, ALICE) if text in str(headers)])
        self.refused("path", call, "GET", f"{provider.url}/elsewhere")
        hosts = vendgate.app_hosts(gateway=options["gateway"], key=TENANT_KEY, app="openai")
        self.assertEqual(hosts, [{"scheme": "http", "host": provider.host, "base_path": "/v1", "path": ""}])
        with self.assertRaises(vendgate.LearningError) as caught:
            vendgate.app_hosts(gateway=options["gateway"], key=KEY, app="openai")
        self.assertEqual(caught.exception.code, "invalid_tenant_key")


class Threads:
    """Concurrent calls learn once."""

    def test_concurrent_calls_learn_once(self):
        release = threading.Event()

        def told(path):
            release.wait(30)
            return 200, {"hosts": ACME}

        gateway = Server(self, told=told)
        call = self.client(**gateway.options())
        results = []
        threads = [threading.Thread(target=lambda: results.append(call("GET", f"{API}/x")[0])) for _ in range(10)]
        for thread in threads:
            thread.start()
        release.set()
        for thread in threads:
            thread.join()
        self.assertEqual((results, gateway.asked), ([200] * 10, ["/apps/acme"]))


class RequestsTest(WithRequests, Cases, Threads, unittest.TestCase):
    def test_proxies_of_the_environment_are_judged_by_the_gateway(self):
        gateway = Server(self)
        with mock.patch.dict(
            os.environ,
            {"HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1"},
        ):
            self.assertEqual(self.client(**gateway.options())("GET", f"{API}/x")[0], 200)

    def test_no_proxy_is_between_here_and_loopback(self):
        gateway, proxy = Server(self), Server(self)
        with mock.patch.dict(os.environ, {"http_proxy": proxy.url, "HTTP_PROXY": proxy.url, "ALL_PROXY": proxy.url}):
            self.assertEqual(self.client(**gateway.options())("GET", f"{API}/x")[0], 200)
            self.assertEqual(vendgate.app_hosts(gateway=gateway.url, key=KEY, app="acme"), ACME)
        self.assertEqual(proxy.took(), [])

    def test_a_generator_that_is_gone_is_not_sent_as_an_empty_body(self):
        gateway = Server(self, lambda _line: (307, {"Location": "/proxy/conn_1/acme/y"}))
        self.refused("redirect", self.client(**gateway.options()), "POST", f"{API}/x", None, (b for b in (b"ab", b"cd")))
        self.assertEqual([(line, body) for line, _, body in gateway.took()], [("POST /proxy/conn_1/acme/x", b"abcd")])

    def test_errors_do_not_hold_the_key(self):
        options = {**Server(self).options(), "gateway": "http://127.0.0.1:1", "hosts": ACME}
        with self.assertRaises(requests.ConnectionError) as caught:
            self.client(**options)("GET", f"{API}/x", {"Authorization": "Bearer placeholder"})
        request = caught.exception.request
        self.assertEqual((request.url, request.headers["Authorization"]), (f"{API}/x", "Bearer placeholder"))
        self.assertNotIn(KEY, str(vars(request)))

    def test_an_answer_that_is_cut_off_tells_no_hosts(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def answer():
                connection, _ = listener.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n{")

            thread = threading.Thread(target=answer)
            thread.start()
            options = {**Server(self).options(), "gateway": f"http://127.0.0.1:{listener.getsockname()[1]}"}
            with self.assertRaises(vendgate.LearningError):
                self.client(**options)("GET", f"{API}/x")
            thread.join()

    def test_a_session_of_ones_own(self):
        gateway = Server(self)
        session = requests.Session()
        session.mount("https://api.acme.example/", requests.adapters.HTTPAdapter())
        self.assertIs(vendgate.mount(session, **gateway.options(), max_retries=1), session)
        self.addCleanup(session.close)
        response = session.get(f"{API}/x", auth=("user", "placeholder"))
        self.assertEqual((response.status_code, response.request.url), (200, f"{API}/x"))
        self.assertEqual(gateway.took()[0][1]["Authorization"], f"Bearer {KEY}")

    def test_answers_stream(self):
        gateway = Server(self)
        with vendgate.requests_session(**gateway.options()) as session, session.get(
            f"{API}/x", stream=True
        ) as response:
            self.assertEqual(b"".join(response.iter_content(3)), b'{"line": "GET /proxy/conn_1/acme/x"}')

    def test_pickles_do_not_hold_the_key(self):
        adapter = vendgate.requests_adapter(**Server(self).options())
        self.assertNotIn(KEY.encode(), pickle.dumps(adapter))
        self.assertNotIn(KEY, repr(adapter))


class HttpxTest(WithHttpx, Cases, Threads, unittest.TestCase):
    def test_answers_stream(self):
        gateway = Server(self)
        with httpx.Client(transport=vendgate.httpx_transport(**gateway.options())) as client, client.stream(
            "GET", f"{API}/x"
        ) as response:
            self.assertEqual(b"".join(response.iter_raw()), b'{"line": "GET /proxy/conn_1/acme/x"}')

    def test_proxies_of_the_environment_are_not_used(self):
        gateway = Server(self)
        with mock.patch.dict(
            os.environ,
            {
                "HTTP_PROXY": "http://127.0.0.1:9",
                "HTTPS_PROXY": "http://127.0.0.1:9",
                "ALL_PROXY": "http://127.0.0.1:9",
            },
        ):
            self.assertEqual(self.client(**gateway.options())("GET", f"{API}/x")[0], 200)

    def test_a_transport_below(self):
        seen = []

        def answer(request):
            seen.append((str(request.url), request.headers["Host"]))
            return httpx.Response(200, json={"status": "success", "message": "x", "data": {"hosts": ACME}, "line": ""})

        gateway = Server(self)
        call = self.client(**gateway.options(), transport=httpx.MockTransport(answer))
        call("GET", f"{API}/x")
        self.assertEqual(
            seen,
            [
                (f"{gateway.url}/platform/v1/apps/acme", gateway.host),
                (f"{gateway.url}/proxy/conn_1/acme/x", gateway.host),
            ],
        )


class AsyncHttpxTest(WithAsyncHttpx, Cases, unittest.TestCase):
    def test_concurrent_calls_learn_once(self):
        gateway = Server(self)

        async def run():
            async with httpx.AsyncClient(transport=vendgate.httpx_async_transport(**gateway.options())) as client:
                return await asyncio.gather(*(client.get(f"{API}/x") for _ in range(10)))

        self.assertEqual([response.status_code for response in asyncio.run(run())], [200] * 10)
        self.assertEqual(gateway.asked, ["/apps/acme"])
