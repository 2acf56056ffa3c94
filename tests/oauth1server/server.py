"""An OAuth 1.0a provider with an API behind it, for the tests of Vendgate.

The protocol is oauthlib's (Debian's python3-oauthlib): what passes here was not agreed between our own client and
our own server. It listens on loopback only, its first line on stdout is
{"url": ..., "client_key": ..., "client_secret": ...}, and everything it knew ends with it.
"""

import hashlib
import html
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from oauthlib.common import add_params_to_uri, generate_token
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA1, RequestValidator, WebApplicationServer
from oauthlib.oauth1.rfc5849.errors import OAuth1Error

CLIENT_KEY = "OnlyClientOfThisServer1"
CLIENT_SECRET = "client+secret/with=odd & signs~%41"


class Storage(RequestValidator):
    """Everything that the provider knows."""

    enforce_ssl = False
    allowed_signature_methods = [SIGNATURE_HMAC_SHA1]

    def __init__(self):
        super().__init__()
        self.requested = {}  # request token: {secret, callback, verifier, user}
        self.granted = {}  # access token: {secret, user}
        self.nonces = set()
        self.issued = []  # every token, secret and verifier there ever was
        self.failing = 0  # the status of the next answer with a token

    dummy_client = "DummyClientOfThisServer"
    dummy_request_token = "DummyRequestTokenOfThis"
    dummy_access_token = "DummyAccessTokenOfThis1"

    def validate_client_key(self, client_key, request):
        return client_key == CLIENT_KEY

    def get_client_secret(self, client_key, request):
        return CLIENT_SECRET if client_key == CLIENT_KEY else "dummy"

    def validate_request_token(self, client_key, token, request):
        return token in self.requested

    def get_request_token_secret(self, client_key, token, request):
        return self.requested.get(token, {"secret": "dummy"})["secret"]

    def validate_access_token(self, client_key, token, request):
        return token in self.granted

    def get_access_token_secret(self, client_key, token, request):
        return self.granted.get(token, {"secret": "dummy"})["secret"]

    def validate_timestamp_and_nonce(self, client_key, timestamp, nonce, request, request_token=None, access_token=None):
        used = (client_key, timestamp, nonce, request_token, access_token)
        if used in self.nonces:
            return False
        self.nonces.add(used)
        return True

    def validate_redirect_uri(self, client_key, redirect_uri, request):
        return urlsplit(redirect_uri).path == "/connect/callback"

    def validate_verifier(self, client_key, token, verifier, request):
        return bool(verifier) and self.requested[token].get("verifier") == verifier

    def verify_request_token(self, token, request):
        return token in self.requested

    def get_redirect_uri(self, token, request):
        return self.requested[token]["callback"]

    def save_request_token(self, token, request):
        self.requested[token["oauth_token"]] = {"secret": token["oauth_token_secret"], "callback": request.redirect_uri}
        self.issued += [token["oauth_token"], token["oauth_token_secret"]]

    def save_verifier(self, token, verifier, request):
        self.requested[token]["verifier"] = verifier["oauth_verifier"]
        self.requested[token]["user"] = verifier["user"]
        self.issued.append(verifier["oauth_verifier"])

    def save_access_token(self, token, request):
        user = self.requested[request.resource_owner_key]["user"]
        self.granted[token["oauth_token"]] = {"secret": token["oauth_token_secret"], "user": user}
        self.issued += [token["oauth_token"], token["oauth_token_secret"]]

    def invalidate_request_token(self, client_key, request_token, request):
        del self.requested[request_token]

    # Realms are not used here.
    def get_default_realms(self, client_key, request):
        return []

    def get_realms(self, token, request):
        return []

    def validate_requested_realms(self, client_key, realms, request):
        return True

    def validate_realms(self, client_key, token, request, uri=None, realms=None):
        return True

    def verify_realms(self, token, realms, request):
        return True


STORAGE = Storage()
PROVIDER = WebApplicationServer(STORAGE)
LOCK = threading.Lock()

PAGE = """<!doctype html><title>Consent</title><form method="post" action="/oauth/authorize">
<input type="hidden" name="oauth_token" value="{}"><input name="login"><button name="consent" value="approve">Approve</button>
<button name="consent" value="deny">Deny</button></form>"""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # else an answer goes out in pieces, and waits

    def answer(self, status, body="", content_type="text/html; charset=utf-8", **headers):
        raw = (body or "").encode()
        self.send_response(status)
        for name, value in {"Content-Type": content_type, **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def json(self, status, data):
        self.answer(status, json.dumps(data), "application/json")

    def handle_any(self):
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        # The request line as it came: its bytes are UTF-8, which http.server takes for Latin-1.
        self.target = self.path.encode("latin-1").decode()
        path = self.target.partition("?")[0]
        route = {
            "/oauth/request_token": self.request_token,
            "/oauth/authorize": self.authorize,
            "/oauth/access_token": self.access_token,
            "/control/issued": lambda: self.json(200, STORAGE.issued),
            "/control/grant": self.grant,
            "/control/revoke": self.revoke,
            "/control/fail": self.fail,
        }.get(path)
        with LOCK:
            if route:
                route()
            elif path.startswith("/api/"):
                self.resource()
            else:
                self.answer(404)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = handle_any

    def log_message(self, *_):
        pass

    def asked(self):
        """The request as oauthlib takes it."""
        uri = "http://" + self.headers["Host"] + self.target
        headers = {name: self.headers[name] for name in ("Authorization", "Content-Type") if name in self.headers}
        form = self.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")
        return uri, self.command, self.body.decode() if form else None, headers

    def form(self):
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}

    def token_answer(self, respond):
        if STORAGE.failing:
            status, STORAGE.failing = STORAGE.failing, 0
            return self.answer(status, "canary of a failure")
        headers, body, status = respond(*self.asked())
        return self.answer(status, body, "application/x-www-form-urlencoded")

    def request_token(self):
        self.token_answer(PROVIDER.create_request_token_response)

    def access_token(self):
        self.token_answer(PROVIDER.create_access_token_response)

    def authorize(self):
        if self.command == "GET":
            token = parse_qs(urlsplit(self.target).query).get("oauth_token", [""])[0]
            if token not in STORAGE.requested:
                return self.answer(400, "unknown token")
            return self.answer(200, PAGE.format(html.escape(token)))
        form = self.form()
        if form.get("consent") != "approve":
            token = form["oauth_token"]
            callback = STORAGE.requested.pop(token)["callback"]
            return self.answer(302, Location=add_params_to_uri(callback, [("denied", token)]))
        uri = "http://" + self.headers["Host"] + "/oauth/authorize?oauth_token=" + form["oauth_token"]
        try:
            headers, body, status = PROVIDER.create_authorization_response(uri, "POST", credentials={"user": form.get("login", "")})
        except OAuth1Error as e:
            return self.answer(400, e.error)
        return self.answer(status, body, **headers)

    def resource(self):
        valid, request = PROVIDER.validate_protected_resource_request(*self.asked())
        if not valid:
            return self.json(401, {"error": "the signature, or what was signed, is not valid"})
        return self.json(200, {
            "user": STORAGE.granted[request.resource_owner_key]["user"],
            "method": self.command,
            "target": self.target,
            "body_sha256": hashlib.sha256(self.body).hexdigest(),
        })

    def grant(self):
        token, secret = generate_token(), generate_token()
        STORAGE.granted[token] = {"secret": secret, "user": self.form()["login"]}
        STORAGE.issued += [token, secret]
        self.json(200, {"oauth_token": token, "oauth_token_secret": secret})

    def revoke(self):
        STORAGE.granted.pop(self.form()["token"], None)
        self.answer(204)

    def fail(self):
        STORAGE.failing = int(self.form()["status"])
        self.answer(204)


def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    url = "http://127.0.0.1:%d" % server.server_address[1]
    print(json.dumps({"url": url, "client_key": CLIENT_KEY, "client_secret": CLIENT_SECRET}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
