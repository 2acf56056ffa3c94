"""A stand-in of the gateway, and the program itself, for the tests."""

import json
import os
import pathlib
import socket
import subprocess
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "ck_CanaryOfTheCaller0123456789CanaryOfTheCaller"
TENANT_KEY = "pk_live_CanaryOfTheTenant0123456789CanaryOfTheTen"
SECRET = "sk-provider-canary-0123456789"
ALICE = "alice@example.com"
ACME = [
    {"host": "api.acme.example", "base_path": "/v1", "path": ""},
    {"host": "files.acme.example", "base_path": "", "path": "/~files.acme.example"},
]


def tell_acme(_path):
    return 200, {"hosts": ACME}


class Server:
    """An HTTP server that keeps `(line, headers, body)` of what it got; `answer(line)` is status and headers."""

    def __init__(self, test, answer=lambda line: (200, {}), told=tell_acme):
        self.calls, self.asked = [], []
        server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler(answer, told))
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()

        def stop():
            server.shutdown()
            server.server_close()
            thread.join()

        test.addCleanup(stop)
        self.host = f"127.0.0.1:{server.server_port}"
        self.url = f"http://{self.host}"

    def took(self):
        """Returns the calls since the last look."""
        calls, self.calls = self.calls, []
        return calls

    def options(self, **more):
        return {"gateway": self.url, "key": KEY, "connection": "conn_1", "app": "acme", "email": ALICE, **more}

    def _handler(recorder, answer, told):  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                body = self._body()
                if self.path.startswith("/platform/v1/"):
                    path = self.path[len("/platform/v1") :]
                    recorder.asked.append(path)
                    status, data = told(path)
                    self._send(status, {}, {"status": "x", "message": "told", "data": data})
                    return
                line = f"{self.command} {self.path}"
                recorder.calls.append((line, self.headers, body))
                status, headers = answer(line)
                self._send(status, headers, {"line": line})

            do_POST = do_PUT = do_GET

            def _body(self):
                if self.headers.get("Transfer-Encoding") != "chunked":
                    return self.rfile.read(int(self.headers.get("Content-Length", 0)))
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body

            def _send(self, status, headers, answer):
                text = json.dumps(answer).encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Type": "application/json", "Content-Length": len(text)}.items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_args):
                pass

        return Handler


CADDYFILE = """{{
	admin off
	persist_config off
	auto_https off
	grace_period 1s
	log {{
		level ERROR
	}}
	vendgate {{
		data_dir {dir}/data
		source local
		source static {{
			connection conn_1 {{
				tenant acme
				user alice@example.com
				app openai
				field api_key {{file.{dir}/secret}}
			}}
		}}
		tenant acme {{
			key {{file.{dir}/tenant}}
			source static
		}}
		app openai {{
			upstream {provider}/v1
			allow_http
			allow_private 127.0.0.0/8
		}}
	}}
}}

http://{address} {{
	bind 127.0.0.1
	vendgate_proxy
	vendgate_connect
}}
"""


def start_vendgate(test, directory, provider):
    """Starts the program that VENDGATE_BIN names, or one built from this repository, and returns its URL."""
    directory = pathlib.Path(directory)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    binary = os.environ.get("VENDGATE_BIN")
    if not binary:
        binary = str(directory / "vendgate")
        root = pathlib.Path(__file__).parents[3]
        subprocess.run(["go", "build", "-o", binary, "./cmd/vendgate"], cwd=root, check=True)
    for name, text in {"secret": SECRET, "tenant": TENANT_KEY, "Caddyfile": CADDYFILE.format(dir=directory, provider=provider, address=address)}.items():
        (directory / name).write_text(text)
        (directory / name).chmod(0o600)
    home = {name: str(directory) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
    with open(directory / "log", "wb") as log:
        program = subprocess.Popen([binary, "run", "--config", str(directory / "Caddyfile")], env={**os.environ, **home}, stderr=log)

    def stop():
        program.terminate()
        program.wait()

    test.addCleanup(stop)
    for _ in range(2400):
        host, port = urllib.parse.urlsplit("//" + address).hostname, int(address.rsplit(":", 1)[1])
        try:
            socket.create_connection((host, port)).close()
            return f"http://{address}"
        except OSError:
            test.assertIsNone(program.poll(), (directory / "log").read_text())
            time.sleep(0.025)
    raise AssertionError("the gateway does not listen")
