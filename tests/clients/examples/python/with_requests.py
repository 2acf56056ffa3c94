import os

import requests


class Vendgate(requests.auth.AuthBase):
    """Adds the key to calls of the gateway; whatever else is called gets none, redirects included."""

    def __init__(self, base, key):
        self.base, self.key = base, key

    def __call__(self, request):
        if not request.url.startswith(self.base):
            raise ValueError(request.url + " is not the gateway")
        request.headers["Authorization"] = "Bearer " + self.key
        return request


def github(connection, key):
    base = f"{os.environ['VENDGATE_URL']}/proxy/{connection}/github/"
    session = requests.Session()
    session.auth = Vendgate(base, key)
    return session, base
