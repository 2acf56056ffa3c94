import httpx_openai
import vendgate

from .world import World, gateway


class HttpxTest(World):
    def setUp(self):
        self.client = httpx_openai.openai("alice-openai", gateway.ALICE)
        self.addCleanup(self.client.close)

    def test_pages(self):
        self.answers(
            (200, {}, b'{"data": [{"id": "file-1"}], "has_more": true}'),
            (200, {}, b'{"data": [{"id": "file-2"}], "has_more": false}'),
        )
        ids, more = [], True
        while more:
            page = self.client.get(
                "/files",
                params={"limit": 1, **({"after": ids[-1]} if ids else {})},
                headers={"Authorization": "Bearer placeholder"},
            ).json()
            ids += [file["id"] for file in page["data"]]
            more = page["has_more"]
        self.assertEqual(ids, ["file-1", "file-2"])
        calls = self.took("api.openai.com GET /v1/files?limit=1", "api.openai.com GET /v1/files?limit=1&after=file-1")
        self.assertEqual(
            {headers["Authorization"] for _, _, headers, _ in calls}, {"Bearer sk-provider-canary-0123456789"}
        )

    def test_an_upload(self):
        self.answers((200, {}, b'{"id": "file-1"}'))
        content = b"--\r\n\0\xff" * 10_000
        uploaded = self.client.post("/files", data={"purpose": "assistants"}, files={"file": ("training.bin", content)})
        self.assertEqual(uploaded.json(), {"id": "file-1"})
        ((_, _, headers, body),) = self.took("api.openai.com POST /v1/files")
        self.assertTrue(headers["Content-Type"].startswith("multipart/form-data; boundary="))
        self.assertIn(content, body)

    def test_a_stream(self):
        self.answers(
            (200, {"Content-Type": "text/event-stream"}, [b'data: "one"\n\n', b'data: "two"\n\n', b"data: [DONE]\n\n"])
        )
        with self.client.stream("POST", "/chat/completions", json={"stream": True}) as answer:
            self.assertEqual([line for line in answer.iter_lines() if line.strip()][0].strip(), 'data: "one"')
        ((_, _, _, body),) = self.took("api.openai.com POST /v1/chat/completions")
        self.assertIn(b'"stream"', body)

    def test_errors(self):
        self.answers((401, {}, b'{"error": {"code": "invalid_api_key"}}'), (429, {"Retry-After": "7"}, b"{}"))
        refused, limited = self.client.get("/models"), self.client.get("/models")
        self.assertEqual((refused.status_code, refused.json()["data"]["code"]), (401, "needs_reconnection"))
        self.assertEqual((limited.status_code, limited.headers["Retry-After"]), (429, "7"))
        self.took("api.openai.com GET /v1/models", "api.openai.com GET /v1/models")

    def test_redirects(self):
        self.answers(
            (308, {"Location": "/v1/models/renamed"}, b""),
            (200, {}, b"{}"),
            (302, {"Location": "https://elsewhere.example/x"}, b""),
            (200, {}, b"{}"),
        )
        self.assertEqual(self.client.get("/models/old", follow_redirects=True).status_code, 200)
        with self.assertRaisesRegex(vendgate.Refused, "elsewhere.example"):
            self.client.get("/files/1/content", follow_redirects=True)
        self.assertEqual(self.client.get("/files/2/content").status_code, 200)
        self.took(
            *[
                f"api.openai.com GET /v1/{path}"
                for path in ("models/old", "models/renamed", "files/1/content", "files/2/content")
            ]
        )

    def test_other_hosts(self):
        for url in [
            "https://elsewhere.example/",
            "http://api.openai.com/v1/models",
            "https://api.openai.com/v2/models",
        ]:
            with self.assertRaises(vendgate.Refused):
                self.client.get(url)
