import urllib.request


class Vendgate(urllib.request.BaseHandler):
    """Sends requests through the gateway: urllib.request.build_opener(Vendgate(host, key, email))."""

    def __init__(self, host, key, email):
        self.host, self.key, self.email = host, key, email

    def http_request(self, request):
        if request.host == self.host:  # the key is for nobody else, wherever a redirect or a link leads
            request.add_unredirected_header("Authorization", "Bearer " + self.key)
            request.add_unredirected_header("X-user-email", self.email)
        return request

    https_request = http_request
