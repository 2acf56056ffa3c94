import requests_github
import vendgate

from .world import World, gateway

API = "https://api.github.com"
REDIRECTED = {"Location": "https://elsewhere.example/archive.tar.gz?token=short"}


class RequestsTest(World):
    def setUp(self):
        self.session = requests_github.github("alice-github", gateway.ALICE)
        self.addCleanup(self.session.close)

    def test_pages_by_link(self):
        link = f'<{API}/repositories/1/issues?per_page=1&page=2>; rel="next"'
        self.answers((200, {"Link": link}, b'[{"title": "one"}]'), (200, {}, b'[{"title": "two"}]'))
        titles, url = [], f"{API}/repos/octo/hello/issues?per_page=1"
        while url:
            page = self.session.get(url, headers={"Authorization": "token placeholder"})
            titles += [issue["title"] for issue in page.json()]
            url = page.links.get("next", {}).get("url")
        self.assertEqual(titles, ["one", "two"])
        calls = self.took(
            "api.github.com GET /repos/octo/hello/issues?per_page=1",
            "api.github.com GET /repositories/1/issues?per_page=1&page=2",
        )
        self.assertEqual(
            {headers["Authorization"] for _, _, headers, _ in calls}, {"Bearer gho_provider_canary_0123456789"}
        )

    def test_an_upload_to_another_host(self):
        self.answers((201, {}, b'{"id": 1}'))
        asset = self.session.post(
            "https://uploads.github.com/repos/octo/hello/releases/1/assets?name=a%20b",
            data=iter([b"\0\xff" * 50_000, b"end"]),
        )
        self.assertEqual(asset.json(), {"id": 1})
        ((_, _, _, body),) = self.took("uploads.github.com POST /repos/octo/hello/releases/1/assets?name=a%20b")
        self.assertEqual(body, b"\0\xff" * 50_000 + b"end")

    def test_a_stream(self):
        self.answers((200, {"Content-Type": "text/plain"}, [b"one\n", b"two\n"]))
        with self.session.get(f"{API}/repos/octo/hello/actions/jobs/1/logs", stream=True) as answer:
            self.assertEqual(list(answer.iter_lines()), [b"one", b"two"])
        self.took("api.github.com GET /repos/octo/hello/actions/jobs/1/logs")

    def test_errors(self):
        self.answers((401, {}, b'{"message": "Bad credentials"}'), (429, {"Retry-After": "7"}, b"{}"))
        refused, limited = self.session.get(f"{API}/user"), self.session.get(f"{API}/user")
        self.assertEqual((refused.status_code, refused.json()["data"]["code"]), (401, "needs_reconnection"))
        self.assertEqual((limited.status_code, limited.headers["Retry-After"]), (429, "7"))
        self.took("api.github.com GET /user", "api.github.com GET /user")

    def test_redirects(self):
        self.answers((301, {"Location": f"{API}/repositories/1"}, b""), (200, {}, b"{}"), (302, REDIRECTED, b""))
        self.assertEqual(self.session.get(f"{API}/repos/octo/moved").status_code, 200)
        with self.assertRaisesRegex(vendgate.Refused, "elsewhere.example"):
            self.session.get(f"{API}/repos/octo/hello/tarball")
        self.took(
            "api.github.com GET /repos/octo/moved",
            "api.github.com GET /repositories/1",
            "api.github.com GET /repos/octo/hello/tarball",
        )

    def test_other_hosts(self):
        for url in [
            "https://elsewhere.example/",
            "http://api.github.com/user",
            "https://github.com.elsewhere.example/user",
        ]:
            with self.assertRaises(vendgate.Refused):
                self.session.get(url)
