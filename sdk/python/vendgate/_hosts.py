"""Maps URLs of an app's hosts to the gateway's, byte for byte, and refuses all others.

../../testdata/hosts.json says how, for the SDKs of all languages.
"""

import re
from urllib.parse import quote, unquote

_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_LABELS = rf"{_LABEL}(?:\.{_LABEL})*"
_NEVER = r"(?!)"
_USUAL_PORTS = {"https": "443", "http": "80"}
_SLOT = re.compile(r"\{([^{}]*)\}")


class Refused(ValueError):
    """A URL, or a redirect, that does not belong to the app: nothing was sent there.

    `reason` is host, path, account, gateway, dots, url or redirect. The message names the host, and holds neither query nor key.
    """

    def __init__(self, reason, message):
        super().__init__(f"{message}: nothing was sent there")
        self.reason = reason


class URL:
    """An absolute URL taken apart, without a change to a byte of path and query."""

    def __init__(self, raw):
        raw = raw.split("#", 1)[0]
        scheme, separator, rest = raw.partition("://")
        self.scheme = scheme.lower()
        if not separator or self.scheme not in _USUAL_PORTS or re.search(r"[\\\x00-\x20\x7f]", raw):
            raise Refused("url", "the URL is not valid, or not one of https: write it like https://api.example.com/v1")
        authority, path, query = re.fullmatch(r"([^/?]*)([^?]*)(.*)", rest, re.DOTALL).groups()
        if "@" in authority:
            raise Refused("url", "the URL holds user info: take it out")
        self.host, self.path, self.query = _host_of(authority, self.scheme), path, query

    def __str__(self):
        return f"{self.scheme}://{self.host}{self.path}{self.query}"


class Hosts:
    """The hosts of an app as `GET /apps/{id}` tells them, and the open fields of a connection where they are known."""

    def __init__(self, root, connection, app, hosts, fields=None):
        self._root = URL(root)
        self._app = app
        self._fields = fields or {}
        self._prefix = f"{self._root.path.rstrip('/')}/proxy/{escape(connection)}/{escape(app)}"
        # Fixed hosts come before patterns, long base paths before short ones, and some paths before all.
        self._places = sorted((_Place(host, self._fields) for host in hosts), key=lambda place: place.rank)
        self._elsewhere = any(place.path.startswith("/~") for place in self._places)

    def map(self, raw):
        """Returns the gateway's URL for one of the app's, or of the gateway itself for this connection. Raises Refused."""
        url = URL(raw)
        if _holds_dots(url.path):
            raise Refused("dots", "the path holds dot segments, which servers resolve: write it without them")
        linked = _cut(url.path, self._prefix)
        if (url.scheme, url.host) == (self._root.scheme, self._root.host):
            if linked is None:
                raise Refused("gateway", f"{url.path} of the gateway does not belong to this connection of {self._app}")
            return self._url(linked + url.query)
        here = [place for place in self._places if place.scheme == url.scheme and place.any.fullmatch(url.host)]
        if not here:
            known = ", ".join(str(place) for place in self._places)
            raise Refused("host", f"{_shown(url.scheme, url.host)} is not a host of {self._app}, which has {known}")
        if linked is not None:  # a path of the gateway's, in Location or Link, resolved against the provider's URL
            return self._url(linked + url.query)
        return self._url(self._at(here, url) + url.query)

    def _url(self, rest):
        return f"{self._root.scheme}://{self._root.host}{self._prefix}{rest}"

    def _at(self, here, url):
        """Returns the path behind the prefix."""
        mine = [place for place in here if place.is_own(url.host)]
        if not mine:
            raise Refused(
                "account",
                f"{url.host} is not known to be the host of this connection of {self._app}, whose fields say which is",
            )
        for place in mine:
            rest = self._below(place, url.path)
            if rest is not None:
                return place.at(url.host) + rest
        raise Refused("path", f"{url.path} is outside of what {self._app} has at {url.host}")

    def _below(self, place, path):
        """Returns what follows the base path, or None for a path that is not at this place."""
        if place.paths:
            rest = _cut(path, place.site)
            return rest if rest is not None and any(pattern.fullmatch(rest) for pattern in place.paths) else None
        found = place.base.fullmatch(path)
        if not found:
            return None
        *values, rest = found.groups()
        for name, raw in zip(place.base_slots, values):
            value = self._fields.get(name)
            if value is not None and value not in (raw, unquote(raw)):
                raise Refused("account", f"{raw} in the path is not the {name} of this connection of {self._app}")
        rest = rest or ""
        return None if place.path == "" and self._elsewhere and _may_be_place(rest) else rest


class _Place:
    """A host of the app, compiled."""

    def __init__(self, host, fields):
        self.scheme = host.get("scheme", "https")
        self.host, self.path = host["host"], host["path"]
        self._slots, self._field = host.get("slots") or {}, host.get("field")
        self.any = self._pattern(None)
        self._own = self._pattern(fields)
        self._whole = fields.get(self._field)
        self.site = self._site_path(fields)
        base = self.site + host["base_path"]
        parts = _SLOT.split(base)
        self.base_slots = parts[1::2]
        self.base = re.compile("([^/]+?)".join(re.escape(part) for part in parts[::2]) + "(/.*)?", re.DOTALL)
        self.paths = [_path_pattern(pattern) for pattern in host.get("paths") or ()]
        self._is_pattern = bool(re.search(r"[{*]", self.host))
        self.rank = (self._field is not None, self._is_pattern, -len(host["base_path"]), not self.paths)

    def __str__(self):
        return _shown(self.scheme, self.host)

    def is_own(self, called):
        """Whether a host that `any` matches is the connection's, as far as that is known."""
        return bool(self._own.fullmatch(called)) and (self._whole is None or self._whole.lower() == called)

    def at(self, called):
        """The place's path: the host that is called takes the place of a pattern."""
        return self.path.replace(self.host, called) if self._is_pattern else self.path

    def _pattern(self, fields):
        """With fields, their values are in the slots, and what only they can say matches nothing else."""
        parts = []
        for part in re.split(r"(\{[^{}]*\}|\*\*?)", self.host):
            if part in ("*", "**"):  # the gateway looks more closely at what is within a label
                parts.append("[a-z0-9-]+" if part == "*" else _LABELS)
            elif part.startswith("{"):
                parts.append(self._slot(part[1:-1], fields))
            else:
                parts.append(re.escape(part))
        return re.compile("".join(parts), re.IGNORECASE | re.ASCII)

    def _slot(self, name, fields):
        slot = self._slots.get(name) or {}
        if fields is not None and name in fields:
            host, usual = fields[name].split("/", 1)[0], ":" + _USUAL_PORTS.get(self.scheme, "")
            return re.escape(host[: -len(usual)] if host.endswith(usual) else host)
        if slot.get("options"):
            return "(?:" + "|".join(re.escape(option) for option in slot["options"]) + ")"
        if slot.get("kind") == "host":  # any host could be the site: only a field can say
            return ".+" if fields is None else _NEVER
        return _LABELS if slot.get("kind") == "labels" else _LABEL

    def _site_path(self, fields):
        """The path below which a site lives that people host themselves."""
        for name, slot in self._slots.items():
            _, separator, path = fields.get(name, "").partition("/")
            if slot.get("site_path") and separator:
                return f"/{path}".rstrip("/")
        return ""


def _path_pattern(pattern):
    """`*` matches within a segment, and `**` one segment or more. The gateway looks more closely."""
    segments = [
        ".+" if s == "**" else "[^/]*".join(re.escape(text) for text in s.split("*")) for s in pattern.split("/")
    ]
    return re.compile("/".join(segments), re.DOTALL)


def _host_of(authority, scheme):
    """An authority in lower case, without the dot of the root and without the port that goes without saying."""
    host, port = re.fullmatch(r"(.*?)(?::([^:\]]*))?", authority.lower(), re.DOTALL).groups()
    host = host[:-1] if host.endswith(".") else host
    return host if not port or port == _USUAL_PORTS[scheme] else f"{host}:{port}"


def _shown(scheme, host):
    return f"http://{host}" if scheme == "http" else host


def _cut(path, prefix):
    """Returns what follows prefix, at the end of a segment, or None."""
    rest = path[len(prefix) :]
    return rest if path.startswith(prefix) and (rest == "" or rest[0] == "/") else None


def _readings(path):
    """Each reading of a path: as it is, decoded, decoded again. Servers on the way may decode once more."""
    while True:
        yield path
        decoded = re.sub("%([0-9a-fA-F]{2})", lambda found: chr(int(found[1], 16)), path)
        if decoded == path:
            return
        path = decoded


def _holds_dots(path):
    return any(s.split(";", 1)[0] in (".", "..") for reading in _readings(path) for s in re.split(r"[/\\]", reading))


def _may_be_place(path):
    return any(reading.lstrip("/").startswith("~") for reading in _readings(path))


def escape(value):
    """Spells value as one segment of a path, as all of Vendgate's SDKs do."""
    return quote(value, safe="")
