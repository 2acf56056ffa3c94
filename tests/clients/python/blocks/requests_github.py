# requests 2, for every provider's library that takes a requests.Session.
# It fails closed: the session has no other adapter, and for any other host that raises vendgate.Refused.
import os

import vendgate


def github(connection, email):
    """Calls go to https://api.github.com and https://uploads.github.com as the provider's documentation has them."""
    return vendgate.requests_session(
        gateway=os.environ["VENDGATE_URL"],
        key=os.environ["VENDGATE_KEY"],
        email=email,
        connection=connection,
        app="github",
    )
