"""What the transports have in common: the map of an app's hosts, learned when it is first needed, and the headers of a call."""

import errno
import http.client
import ipaddress
import json
import re
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from ._hosts import Hosts, escape

_API = "/platform/v1"

#: The largest answer of the Platform API that is read, in bytes.
MAX_ANSWER = 4 << 20

#: How long the question for hosts may take, in seconds.
TIMEOUT = 30.0

_ADVICE = {
    "not_found": "; a gateway without the Platform API lists none: pass hosts",
    "unknown_app": "; a caller key must be one that may call it",
    "capability_disabled": "; the key may not list them: pass hosts, or grant its tenant the capability apps",
}


class LearningError(Exception):
    """The hosts of the app could not be learned; `status` and `code` are those of the answer, if one came."""

    def __init__(self, app, message, status=None, code=None):
        super().__init__(f"the hosts of {app} could not be learned: {message}{_ADVICE.get(code, '')}")
        self.app, self.message, self.status, self.code = app, message, status, code

    def again(self):
        """Returns an error that is raised in another thread."""
        return LearningError(self.app, self.message, self.status, self.code)


class Through:
    """Options of a transport. It may be used concurrently.

    gateway: the gateway's URL; https, but for loopback or with allow_http.
    key: a caller key, ck_…, or the tenant key, pk_live_….
    connection, app: the connection's id, and the slug of its app.
    email: the end user whom calls act for; a caller key needs none.
    hosts: the app's, as `GET /apps/{id}` tells them. Default: they are asked for at the first call.
    fields: the connection's open ones. Default: they are asked for where hosts depend on them and the key may, which a caller key may not.
    errors: "passthrough" leaves the provider's errors as they are.
    """

    def __init__(
        self, *, gateway, key, connection, app, email=None, hosts=None, fields=None, errors=None, allow_http=False
    ):
        self.root = _root(gateway, allow_http)
        for name, value in {"connection": connection, "app": app}.items():
            if not isinstance(value, str) or value in ("", ".", ".."):
                raise ValueError(f"{name} cannot be part of a path")
        for name, value in {"key": key, "email": email}.items():
            if value is not None and not re.fullmatch(r"[\x21-\x7e]+", value):
                raise ValueError(f"{name} may hold only visible ASCII characters, no white space and no line break")
        if key is None:
            raise ValueError("key is required")
        if hosts is not None and not hosts:
            raise ValueError("hosts must be those of an app, as GET /apps/{id} returns them")
        if errors not in (None, "passthrough"):
            raise ValueError('errors must be "passthrough", or left out')
        self.connection, self.app, self._hosts, self._fields = connection, app, hosts, fields
        self._own = {"Authorization": f"Bearer {key}"}
        if email is not None:
            self._own["x-user-email"] = email
        if errors is not None:
            self._own["Vendgate-Errors"] = errors
        self._replaced = {name.lower() for name in self._own} | {"host", "x-vendgate-key"}
        self.hosts = None
        self._attempts, self._error = 0, None

    def headers(self, pairs):
        """Returns the headers of a call, as pairs: ours in place of the caller's placeholders for them."""
        return [(name, value) for name, value in pairs if _text(name).lower() not in self._replaced] + list(
            self._own.items()
        )

    def question(self, path):
        """Returns URL and headers of a call of the Platform API."""
        headers = {name: value for name, value in self._own.items() if name != "Vendgate-Errors"}
        return f"{self.root}{_API}{path}", {"Accept": "application/json", **headers}

    def learn(self):
        """A generator that yields paths to ask for and is sent `(status, body)`; at its end, `hosts` is set."""
        self._error = None
        try:
            hosts = self._hosts or (yield from self._ask_hosts())
            fields = self._fields
            if (
                fields is None
                and "x-user-email" in self._own
                and any(host.get("slots") or host.get("field") for host in hosts)
            ):
                fields = yield from self._ask_fields()
            self.hosts = Hosts(self.root, self.connection, self.app, hosts, fields)
        except LearningError as error:
            self._error = error
            raise
        finally:
            self._attempts += 1

    def turn(self):
        """Returns what tells, behind the lock, whether somebody else has learned meanwhile, or tried."""
        return self._attempts

    def settled(self, turn):
        """Whether the hosts are known. Raises what somebody else's try came to, if that began after `turn`."""
        if self.hosts is None and self._attempts != turn and self._error is not None:
            raise self._error.again()
        return self.hosts is not None

    def failed(self, error):
        """Returns the error of a question that got no answer. The exception may hold the request, and with it the key."""
        return LearningError(self.app, f"the gateway cannot be reached ({cause(error)})")

    def _ask_hosts(self):
        hosts = read(self.app, *(yield f"/apps/{escape(self.app)}")).get("hosts")
        if not hosts:
            raise LearningError(self.app, "the server does not list them: update it, or pass hosts")
        return hosts

    def _ask_fields(self):
        """None for a key that may not see them, and for a connection of another source."""
        status, body = yield f"/connections/{escape(self.connection)}"
        return None if status in (401, 403, 404) else read(self.app, status, body).get("fields")


def cause(error):
    """What kept a connection from being made: a code such as ECONNREFUSED, or the kind of error."""
    below, seen = error, []
    while isinstance(below, BaseException) and below not in seen:
        code = errno.errorcode.get(getattr(below, "errno", None))
        if code:
            return code
        seen.append(below)
        reason = getattr(below, "reason", None)  # of a URLError
        below = reason if isinstance(reason, BaseException) else below.__cause__ or below.__context__
    return type(error).__name__


def read(app, status, body):
    """Returns the data of an answer of the Platform API."""
    try:
        envelope = json.loads(body)
        data, message = envelope["data"], envelope["message"]
        if status != 200:
            raise LearningError(app, message, status, data.get("code"))
        return {**data}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise LearningError(
            app, f"HTTP {status} and the response is not from the Platform API; is gateway the URL of a Vendgate server? One without the Platform API lists no hosts: pass hosts", status
        ) from None


def app_hosts(*, gateway, key, app, allow_http=False):
    """Asks for the hosts of an app, for the option of that name."""
    through = Through(gateway=gateway, key=key, connection="none", app=app, allow_http=allow_http)
    url, headers = through.question(f"/apps/{escape(app)}")
    # No proxy must see plain http, which is for loopback.
    proxies = urllib.request.ProxyHandler({} if is_loopback(urlsplit(through.root).hostname) else None)
    opener = urllib.request.build_opener(_NoRedirects, proxies)
    try:
        with opener.open(urllib.request.Request(url, headers=headers), timeout=TIMEOUT) as answer:
            status, body = answer.status, answer.read(MAX_ANSWER)
    except urllib.error.HTTPError as refused:
        status, body = refused.code, refused.read(MAX_ANSWER)
    except (OSError, http.client.HTTPException) as error:
        raise through.failed(error) from None
    return read(app, status, body)["hosts"]


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The key goes to no other server."""

    def redirect_request(self, *_args):
        return None


def _root(gateway, allow_http):
    parts = urlsplit(gateway)
    if (
        parts.scheme not in ("https", "http")
        or not parts.hostname
        or "@" in parts.netloc
        or "?" in gateway
        or "#" in gateway
    ):
        raise ValueError("gateway must be an absolute URL of scheme, host and path, like https://gateway.example.com")
    if parts.scheme == "http" and not allow_http and not is_loopback(parts.hostname):
        raise ValueError(
            "gateway must be https, since the key travels there; plain http is for loopback, or with allow_http=True"
        )
    return gateway.rstrip("/")


def is_loopback(host):
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _text(name):
    return name.decode("latin-1") if isinstance(name, bytes) else name
