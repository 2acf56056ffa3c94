# dropbox 11, which takes a requests.Session and calls three hosts.
# It fails closed: the session has no other adapter, and for any other host that raises vendgate.Refused.
import os

import dropbox
import vendgate


def dropbox_of(connection, email):
    session = vendgate.requests_session(
        gateway=os.environ["VENDGATE_URL"],
        key=os.environ["VENDGATE_KEY"],
        email=email,
        connection=connection,
        app="dropbox",
        errors="passthrough",  # the library parses Dropbox's own
    )
    return dropbox.Dropbox(oauth2_access_token="placeholder", session=session, max_retries_on_rate_limit=1)
