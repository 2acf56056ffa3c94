import urllib.request


class Vendgate(urllib.request.BaseHandler):
    """Sends requests through the gateway: urllib.request.build_opener(Vendgate(host, key))."""

    def __init__(self, host, key):
        self.host, self.key = host, key

    def http_request(self, request):
        if request.host == self.host:  # the key is for nobody else, wherever a redirect or a link leads
            request.add_unredirected_header("Authorization", "Bearer " + self.key)
        return request

    https_request = http_request
