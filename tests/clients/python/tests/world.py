"""The gateway itself, with the catalog's apps as they are, before providers on their own host names."""

import importlib.util
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from .internet import Internet

HERE = pathlib.Path(__file__).parents[1]
ROOT = HERE.parents[2]
BLOCKS = HERE / "blocks"

_spec = importlib.util.spec_from_file_location("vendgate_gateway", ROOT / "sdk" / "python" / "tests" / "gateway.py")
gateway = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(gateway)

HOSTS = [
    "api.github.com",
    "uploads.github.com",
    "api.openai.com",
    "api.dropboxapi.com",
    "content.dropboxapi.com",
    "s3.eu-central-1.amazonaws.com",
    "elsewhere.example",
]
SECRETS = {
    "github": "gho_provider_canary_0123456789",
    "dropbox": "sl.provider-canary-0123456789",
    "openai": "sk-provider-canary-0123456789",
    "aws": "provider-canary-0123456789/AWS+secret",
}

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
		upstream {{
			proxy_from_environment
			trust_ca {ca}
		}}
		source local
		source static {{
			connection alice-github {{
				tenant acme
				user alice@example.com
				app github
				field access_token {{file.{dir}/github}}
			}}
			connection alice-dropbox {{
				tenant acme
				user alice@example.com
				app dropbox
				field access_token {{file.{dir}/dropbox}}
			}}
			connection alice-openai {{
				tenant acme
				user alice@example.com
				app openai
				field api_key {{file.{dir}/openai}}
			}}
			connection alice-s3 {{
				tenant acme
				user alice@example.com
				app aws-s3
				field access_key_id {{file.{dir}/aws-id}}
				field secret_access_key {{file.{dir}/aws}}
				field region {{file.{dir}/aws-region}}
			}}
		}}
		tenant acme {{
			key {{file.{dir}/tenant}}
			source static
		}}
		app github {{
			allow_private 127.0.0.0/8
		}}
		app dropbox {{
			allow_private 127.0.0.0/8
		}}
		app openai {{
			allow_private 127.0.0.0/8
		}}
		app aws-s3 {{
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


class World(unittest.TestCase):
    """Tests with one gateway and one internet for all of a class."""

    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        cls.internet = Internet(cls.directory, HOSTS)
        cls.addClassCleanup(cls.internet.stop)
        files = {
            **SECRETS,
            "aws-id": "AKIAPROVIDERCANARY01",
            "aws-region": "eu-central-1",
            "tenant": gateway.TENANT_KEY,
        }
        environment = {
            "HTTPS_PROXY": f"http://{cls.internet.address}",
            "HTTP_PROXY": f"http://{cls.internet.address}",
            "NO_PROXY": "",
        }
        cls.url, cls.binary, cls.environment = gateway.run(
            cls,
            cls.directory,
            files,
            lambda address: CADDYFILE.format(dir=cls.directory, ca=cls.internet.ca, address=address),
            environment,
        )
        os.environ.update(
            {"VENDGATE_URL": cls.url, "VENDGATE_KEY": gateway.TENANT_KEY, **environment, "NO_PROXY": "127.0.0.1"}
        )

    def tearDown(self):
        left = self.internet.took(), self.internet.answers[:]
        self.internet.answers.clear()
        self.assertEqual(left, ([], []), "calls and answers that the test did not look at")
        self.assertNotIn("elsewhere.example", self.internet.reached)
        self.assertLessEqual(self.internet.reached, set(HOSTS), "a client went past the gateway")

    def answers(self, *answers):
        self.internet.answers.extend(
            answer if callable(answer) else lambda *_call, answer=answer: answer for answer in answers
        )

    def took(self, *lines, key=gateway.TENANT_KEY):
        """Checks that exactly these requests came, `HOST METHOD TARGET`, and nothing of the caller's with them."""
        calls = self.internet.took()
        self.assertEqual([f"{host} {line}" for host, line, _, _ in calls], list(lines))
        for host, line, headers, body in calls:
            text = f"{host} {line} {headers} {body.decode('latin-1')}"
            for canary in (
                key,
                gateway.TENANT_KEY,
                gateway.ALICE,
                "alice%40example.com",
                self.url.split("//")[1],
                "placeholder",
            ):
                self.assertNotIn(canary, text)
        return calls

    @classmethod
    def caller_key(cls, connection):
        command = [
            "caller-key",
            "create",
            "--tenant",
            "acme",
            "--connection",
            connection,
            "--user",
            gateway.ALICE,
            "--config",
            str(cls.directory / "Caddyfile"),
        ]
        made = subprocess.run([cls.binary, *command], env=cls.environment, check=True, capture_output=True, text=True)
        return made.stdout.strip()
