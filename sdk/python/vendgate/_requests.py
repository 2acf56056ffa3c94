"""The adapter for requests."""

import inspect
import threading
from urllib.parse import urlsplit

import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import should_bypass_proxies

from ._hosts import Refused
from ._through import MAX_ANSWER, TIMEOUT, Through, is_loopback


class Adapter(HTTPAdapter):
    """Sends requests for an app's hosts to the gateway, and refuses all others. Each hop of a redirect passes it."""

    def __init__(
        self,
        *,
        gateway,
        key,
        connection,
        app,
        email=None,
        hosts=None,
        fields=None,
        errors=None,
        allow_http=False,
        **adapter
    ):
        super().__init__(**adapter)
        self._lock = threading.Lock()
        self._through = Through(
            gateway=gateway,
            key=key,
            connection=connection,
            app=app,
            email=email,
            hosts=hosts,
            fields=fields,
            errors=errors,
            allow_http=allow_http,
        )

    def send(self, request, stream=False, timeout=None, verify=True, cert=None, proxies=None):
        way = {"verify": verify, "cert": cert, "proxies": self._proxies(proxies)}
        if self._through.hosts is None:
            self._learn(way)
        call = request.copy()
        call.url = self._through.hosts.map(request.url)
        if inspect.isgenerator(request.body) and inspect.getgeneratorstate(request.body) == inspect.GEN_CLOSED:
            raise Refused("redirect", "a redirect needs the body again, but the generator is already consumed")
        call.headers = CaseInsensitiveDict(self._through.headers(request.headers.items()))
        try:
            response = super().send(call, stream=stream, timeout=timeout, **way)
        except requests.RequestException as error:
            error.request = request  # reporters of errors show its headers, and the call's hold the key
            raise
        response.request = request  # requests resolves Location against the URL of the answer, which is the gateway's
        return response

    def _proxies(self, proxies):
        """The session has chosen them for the provider's host, and the gateway may be one that they are not for.
        Plain http is for loopback: no proxy must see it."""
        root = self._through.root
        bypassed = is_loopback(urlsplit(root).hostname) or should_bypass_proxies(root, (proxies or {}).get("no_proxy"))
        return {} if bypassed else proxies

    def _learn(self, way):
        turn = self._through.turn()
        with self._lock:
            if self._through.settled(turn):
                return
            questions = self._through.learn()
            try:
                path = next(questions)
                while True:
                    path = questions.send(self._ask(path, way, questions))
            except StopIteration:
                pass

    def _ask(self, path, way, questions):
        url, headers = self._through.question(path)
        try:
            # By the adapter and not by a session, which would follow redirects with the key.
            answer = super().send(requests.Request("GET", url, headers).prepare(), stream=True, timeout=TIMEOUT, **way)
            with answer:
                return answer.status_code, answer.raw.read(MAX_ANSWER, decode_content=True)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            return questions.throw(self._through.failed(error))
