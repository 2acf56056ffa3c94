import os

import httpx


def openai(connection, key):
    base = f"{os.environ['VENDGATE_URL']}/proxy/{connection}/openai/"

    def authorize(request):
        if not str(request.url).startswith(base):
            raise ValueError(f"{request.url} is not the gateway")
        request.headers["Authorization"] = "Bearer " + key
        return request

    return httpx.Client(base_url=base, auth=authorize, follow_redirects=True)
