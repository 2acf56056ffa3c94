"""Providers on their own host names: a proxy that the gateway uses, which is each host that it is asked for, with a
certificate of the tests. So nothing needs root, and no call can leave the machine."""

import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Internet:
    """`reached` are the hosts that were asked for. `answers` are functions of (host, line, headers, body) that return (status, headers, body), in turn."""

    def __init__(self, directory, hosts):
        self.ca = str(directory / "ca.pem")
        key = str(directory / "key.pem")
        names = ",".join(f"DNS:{host}" for host in hosts)
        subprocess.run(
            [
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
                "-days",
                "1",
                "-subj",
                "/CN=test",
                "-addext",
                f"subjectAltName={names}",
                "-keyout",
                key,
                "-out",
                self.ca,
            ],
            check=True,
            capture_output=True,
        )
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(self.ca, key)
        self.answers, self.calls, self.reached = [], [], set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.address = f"127.0.0.1:{self._server.server_port}"

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def took(self):
        """Returns the calls since the last look, as (host, line, headers, body)."""
        calls, self.calls = self.calls, []
        return calls

    def _handler(internet):  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_CONNECT(self):
                self.host = self.path[: -len(":443")]
                internet.reached.add(self.host)
                self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
                self.wfile.flush()
                self.connection = internet._tls.wrap_socket(self.connection, server_side=True)
                self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
                self.close_connection = False

            def _serve(self):
                call = (getattr(self, "host", "in plain"), f"{self.command} {self.path}", self.headers, self._body())
                internet.calls.append(call)
                status, headers, body = (
                    internet.answers.pop(0)(*call) if internet.answers else (500, {}, b"no answer was foreseen")
                )
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if not isinstance(body, bytes):
                    self._stream(body)
                    return
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_DELETE = _serve

            def do_HEAD(self):
                self._serve()

            def _stream(self, pieces):
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for piece in pieces:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.write(b"0\r\n\r\n")

            def _body(self):
                if self.headers.get("Transfer-Encoding") != "chunked":
                    return self.rfile.read(int(self.headers.get("Content-Length", 0)))
                body = b""
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                while self.rfile.readline() not in (b"\r\n", b""):
                    pass
                return body

            def finish(self):
                super().finish()
                self.connection.close()

            def log_message(self, *_args):
                pass

        return Handler
