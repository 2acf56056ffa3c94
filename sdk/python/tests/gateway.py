"""A stand-in of the gateway, and the program itself, for the tests."""

import json
import os
import pathlib
import random
import socket
import subprocess
import threading
import time
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
    """Starts a gateway for OpenAI's API at the test's provider, and returns its URL."""
    files = {"secret": SECRET, "tenant": TENANT_KEY}
    url, _, _ = run(
        test, directory, files, lambda address: CADDYFILE.format(dir=directory, provider=provider, address=address)
    )
    return url


def free_port():
    """Returns a port that nothing listens on, below those that the kernel gives to connections, which could take it before
    the program does."""
    while True:
        port = random.randrange(30000, 32768)
        with socket.socket() as free:
            try:
                free.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def run(test, directory, files, caddyfile, environment=None):
    """Runs the program that VENDGATE_BIN names, or one built from this repository, until the test, or the class of tests,
    ends. caddyfile makes the configuration of an address. Returns URL, program and environment."""
    directory = pathlib.Path(directory)
    port = free_port()
    for name, text in {**files, "Caddyfile": caddyfile(f"127.0.0.1:{port}")}.items():
        (directory / name).write_text(text)
        (directory / name).chmod(0o600)
    binary = os.environ.get("VENDGATE_BIN") or build(directory)
    environment = {
        **os.environ,
        **{name: str(directory) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")},
        **(environment or {}),
    }
    with open(directory / "log", "wb") as log:
        program = subprocess.Popen(
            [binary, "run", "--config", str(directory / "Caddyfile")], env=environment, stderr=log
        )

    def stop():
        program.terminate()
        program.wait()

    (test.addClassCleanup if isinstance(test, type) else test.addCleanup)(stop)
    for _ in range(2400):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return f"http://127.0.0.1:{port}", binary, environment
        except OSError:
            if program.poll() is not None:
                break
            time.sleep(0.025)
    raise AssertionError(f"the gateway does not listen:\n{(directory / 'log').read_text()}")


def build(directory):
    binary = str(directory / "vendgate")
    subprocess.run(["go", "build", "-o", binary, "./cmd/vendgate"], cwd=pathlib.Path(__file__).parents[3], check=True)
    return binary
