# httpx 0.23 and later, for every provider's library that takes an httpx.Client, such as openai and anthropic.
# It fails closed: the client has no other transport, and for any other host that raises vendgate.Refused.
import os

import httpx
import vendgate


def openai(connection, email):
    """Calls go to https://api.openai.com as the provider's documentation has them."""
    transport = vendgate.httpx_transport(
        gateway=os.environ["VENDGATE_URL"],
        key=os.environ["VENDGATE_KEY"],
        email=email,
        connection=connection,
        app="openai",
    )
    return httpx.Client(base_url="https://api.openai.com/v1", transport=transport, timeout=60)
