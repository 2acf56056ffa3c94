import dropbox
import requests_dropbox
import vendgate
from dropbox import exceptions

from .world import World, gateway

JSON = {"Content-Type": "application/json"}
FILE = b'"name": "a", "id": "id:1", "client_modified": "2026-01-03T00:00:00Z", "server_modified": "2026-01-03T00:00:00Z", "rev": "012345678", "size": 3'


def listed(cursor, more):
    return 200, JSON, b'{"entries": [{".tag": "file", %s}], "cursor": "%s", "has_more": %s}' % (FILE, cursor, more)


class DropboxTest(World):
    def setUp(self):
        self.dropbox = requests_dropbox.dropbox_of("alice-dropbox", gateway.ALICE)
        self.addCleanup(self.dropbox.close)

    def test_pages(self):
        self.answers(listed(b"c1", b"true"), listed(b"c2", b"false"))
        page = self.dropbox.files_list_folder("")
        self.assertFalse(self.dropbox.files_list_folder_continue(page.cursor).has_more)
        calls = self.took(
            "api.dropboxapi.com POST /2/files/list_folder", "api.dropboxapi.com POST /2/files/list_folder/continue"
        )
        self.assertEqual(
            {headers["Authorization"] for _, _, headers, _ in calls}, {"Bearer sl.provider-canary-0123456789"}
        )

    def test_an_upload_and_a_stream_at_another_host(self):
        result = {"Dropbox-Api-Result": "{%s}" % FILE.decode()}
        self.answers((200, JSON, b"{%s}" % FILE), (200, result, [b"\0\xff", b"end"]))
        self.dropbox.files_upload(b"\0\xffend", "/a")
        _, answer = self.dropbox.files_download("/a")
        self.assertEqual(b"".join(answer.iter_content(2)), b"\0\xffend")
        put, _ = self.took(
            "content.dropboxapi.com POST /2/files/upload", "content.dropboxapi.com POST /2/files/download"
        )
        self.assertEqual(put[3], b"\0\xffend")

    def test_errors(self):
        limited = (429, {**JSON, "Retry-After": "1"}, b'{"error": {"reason": {".tag": "too_many_requests"}}}')
        self.answers((401, JSON, b'{"error": {".tag": "invalid_access_token"}}'), limited, listed(b"c1", b"false"))
        with self.assertRaises(exceptions.AuthError):
            self.dropbox.files_list_folder("")
        self.assertFalse(self.dropbox.files_list_folder("").has_more)
        self.took(*["api.dropboxapi.com POST /2/files/list_folder"] * 3)

    def test_redirects_and_other_hosts(self):
        self.answers((302, {"Location": "https://elsewhere.example/"}, b""))
        with self.assertRaisesRegex(vendgate.Refused, "elsewhere.example"):
            self.dropbox.files_list_folder("")
        self.took("api.dropboxapi.com POST /2/files/list_folder")
        with self.assertRaisesRegex(vendgate.Refused, "oauth2"):
            dropbox.Dropbox(
                oauth2_refresh_token="placeholder", app_key="placeholder", session=self.dropbox._session
            ).files_list_folder("")
