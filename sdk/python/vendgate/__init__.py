"""Transports for libraries that have a provider's hosts hard-coded: they reach the provider's API
through a Vendgate gateway, and nothing else.

    session = vendgate.requests_session(gateway=…, key=…, connection=…, app="dropbox", email=…)
    client = httpx.Client(transport=vendgate.httpx_transport(gateway=…, …))

requests and httpx are imported by what needs them only.
"""

from ._hosts import Refused
from ._through import LearningError, app_hosts

__all__ = [
    "LearningError",
    "Refused",
    "app_hosts",
    "httpx_async_transport",
    "httpx_transport",
    "mount",
    "requests_adapter",
    "requests_session",
]


def requests_adapter(**options):
    """Returns a requests.adapters.HTTPAdapter. `adapter` options of its own, such as max_retries, go along."""
    from ._requests import Adapter

    return Adapter(**options)


def mount(session, **options):
    """Makes a requests.Session reach the app alone: its other adapters are taken out. Returns the session."""
    adapter = requests_adapter(**options)
    session.adapters.clear()
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def requests_session(**options):
    """Returns a requests.Session that reaches the app alone."""
    import requests

    return mount(requests.Session(), **options)


def httpx_transport(**options):
    """Returns an httpx.BaseTransport for httpx.Client(transport=…). `transport` is what it sends with."""
    from ._httpx import Transport

    return Transport(**options)


def httpx_async_transport(**options):
    """Returns an httpx.AsyncBaseTransport for httpx.AsyncClient(transport=…). `transport` is what it sends with."""
    from ._httpx import AsyncTransport

    return AsyncTransport(**options)
