import json
import pathlib
import unittest

from vendgate import Refused
from vendgate._hosts import Hosts

SHARED = json.loads((pathlib.Path(__file__).parents[2] / "testdata" / "hosts.json").read_text("utf-8"))


def hosts_of(app, root=SHARED["gateway"], connection=SHARED["connection"], fields=None):
    return Hosts(root, connection, app, SHARED["apps"][app], fields)


class HostsTest(unittest.TestCase):
    def test_refusal_names_hosts(self):
        with self.assertRaises(Refused) as caught:
            hosts_of("dropbox").map("https://evil.example:8443/x?key=canary")
        message = str(caught.exception)
        self.assertIn("evil.example:8443", message)
        self.assertIn("api.dropboxapi.com", message)
        self.assertNotIn("canary", message)

    def test_gateway_below_path(self):
        hosts = hosts_of("plain", "http://gw.example:8080/behind/", "a/b c!'(é")
        to = "http://gw.example:8080/behind/proxy/a%2Fb%20c%21%27%28%C3%A9/plain/x"
        self.assertEqual(hosts.map("https://api.plain.example/x"), to)
        self.assertEqual(hosts.map(to), to)


def vector_test(vector):
    def test(self):
        hosts = hosts_of(vector["app"], fields=vector.get("fields"))
        if "to" in vector:
            self.assertEqual(hosts.map(vector["url"]), vector["to"])
            return
        with self.assertRaises(Refused) as caught:
            self.fail(hosts.map(vector["url"]))
        self.assertEqual(caught.exception.reason, vector["refused"], str(caught.exception))

    return test


for _vector in SHARED["vectors"]:
    setattr(HostsTest, "test " + _vector["name"], vector_test(_vector))
