"""boto3 and the AWS CLI, with a caller key as the access key id."""

import os
import subprocess
import time

import boto3_s3
import botocore.exceptions

from .world import BLOCKS, World

HOST = "s3.eu-central-1.amazonaws.com"
LIST = (
    '<?xml version="1.0"?><ListBucketResult><Name>b</Name><IsTruncated>{more}</IsTruncated>{token}<Contents><Key>{key}</Key><Size>3</Size>'
    "<LastModified>2026-01-03T00:00:00.000Z</LastModified></Contents></ListBucketResult>"
)
XML = {"Content-Type": "application/xml"}


def page(key, token=""):
    more = f"<NextContinuationToken>{token}</NextContinuationToken>" if token else ""
    return 200, XML, LIST.format(more=str(bool(token)).lower(), token=more, key=key).encode()


def error(status, code, headers=None, more=""):
    return (
        status,
        {**XML, **(headers or {})},
        f"<Error><Code>{code}</Code><Message>told by the provider</Message>{more}</Error>".encode(),
    )


class AWS(World):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.key = cls.caller_key("alice-s3")
        os.environ.update({"CALLER_KEY": cls.key, "CONNECTION": "alice-s3"})
        s3 = boto3_s3.s3("alice-s3")
        for tries in range(200):  # a running gateway notices a key within a second
            cls.internet.answers[:] = [lambda *_call: page("x")]
            try:
                s3.list_objects_v2(Bucket="b")
                break
            except botocore.exceptions.ClientError:
                time.sleep(0.025)
        else:
            raise AssertionError("the gateway does not know the key")
        s3.close()
        cls.internet.took()

    def signed(self, *lines):
        """Checks that these requests came, signed by the connection's own key."""
        calls = self.took(*lines, key=self.key)
        for _, _, headers, _ in calls:
            self.assertRegex(
                headers["Authorization"],
                "^AWS4-HMAC-SHA256 Credential=AKIAPROVIDERCANARY01/[0-9]{8}/eu-central-1/s3/aws4_request",
            )
        return calls


class Boto3Test(AWS):
    def setUp(self):
        self.s3 = boto3_s3.s3("alice-s3")
        self.addCleanup(self.s3.close)

    def test_pages(self):
        self.answers(page("one", token="next"), page("two"))
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket="b")
        self.assertEqual([item["Key"] for found in pages for item in found["Contents"]], ["one", "two"])
        self.signed(
            f"{HOST} GET /b?list-type=2&encoding-type=url",
            f"{HOST} GET /b?list-type=2&continuation-token=next&encoding-type=url",
        )

    def test_an_upload_and_a_stream(self):
        content = os.urandom(100_000)
        self.answers((200, {"ETag": '"1"'}, b""), (200, {"ETag": '"1"'}, content))
        self.s3.put_object(Bucket="b", Key="a b/c", Body=content)
        self.assertEqual(self.s3.get_object(Bucket="b", Key="a b/c")["Body"].read(), content)
        put, _ = self.signed(f"{HOST} PUT /b/a%20b/c", f"{HOST} GET /b/a%20b/c")
        self.assertEqual(put[3], content)

    def test_errors(self):
        self.answers(
            error(403, "InvalidAccessKeyId"),
            error(404, "NoSuchKey"),
            error(503, "SlowDown", {"Retry-After": "1"}),
            page("one"),
        )
        for code in ("InvalidAccessKeyId", "NoSuchKey"):
            with self.assertRaises(botocore.exceptions.ClientError) as caught:
                self.s3.get_object(Bucket="b", Key="x")
            self.assertEqual(caught.exception.response["Error"]["Code"], code)
        self.assertEqual(self.s3.list_objects_v2(Bucket="b")["Name"], "b")
        self.signed(
            f"{HOST} GET /b/x",
            f"{HOST} GET /b/x",
            f"{HOST} GET /b?list-type=2&encoding-type=url",
            f"{HOST} GET /b?list-type=2&encoding-type=url",
        )

    def test_a_bucket_of_another_region_leads_nowhere_else(self):
        moved = error(
            301,
            "PermanentRedirect",
            {"x-amz-bucket-region": "us-west-2", "Location": "https://elsewhere.example/b"},
            "<Endpoint>elsewhere.example</Endpoint>",
        )
        self.answers(moved, moved)
        with self.assertRaises((botocore.exceptions.ClientError, ValueError)):
            self.s3.list_objects_v2(Bucket="b")
        calls = self.internet.took()
        self.assertEqual({host for host, _, _, _ in calls}, {HOST})
        self.internet.answers.clear()

    def test_another_endpoint_gets_nothing(self):
        with self.assertRaises(ValueError):
            self.s3.meta.events.emit_until_response(
                "before-send.s3.GetObject", request=type("Request", (), {"url": "https://b.s3.amazonaws.com/x?y"})()
            )


class CLITest(AWS):
    def run_cli(self, command, status=0):
        script = f". {BLOCKS}/aws_s3.sh; {command}"
        ran = subprocess.run(
            ["sh", "-ec", script],
            cwd=self.directory,
            capture_output=True,
            text=True,
            env={**os.environ, "PATH": f"/usr/bin:{os.environ['PATH']}"},
        )
        self.assertEqual(ran.returncode, status, ran.stderr)
        return ran.stdout + ran.stderr

    def test_a_list_an_upload_and_a_download(self):
        content = os.urandom(10_000)
        (self.directory / "up").write_bytes(content)
        self.answers(page("one", token="next"), page("two"))
        listed = self.run_cli("s3 s3 ls s3://b/")
        self.assertEqual([line.split()[-1] for line in listed.splitlines()], ["one", "two"])
        self.answers((200, {"ETag": '"1"'}, b""))
        self.run_cli("s3 s3api put-object --bucket b --key k --body up")
        self.answers((200, {"ETag": '"1"'}, content))
        self.run_cli("s3 s3api get-object --bucket b --key k down")
        self.assertEqual((self.directory / "down").read_bytes(), content)
        calls = self.signed(
            f"{HOST} GET /b?list-type=2&prefix=&delimiter=%2F&encoding-type=url",
            f"{HOST} GET /b?list-type=2&prefix=&delimiter=%2F&continuation-token=next&encoding-type=url",
            f"{HOST} PUT /b/k",
            f"{HOST} GET /b/k",
        )
        self.assertEqual(calls[2][3], content)

    def test_a_bucket_of_another_region_leads_nowhere_else(self):
        moved = error(
            301,
            "PermanentRedirect",
            {"x-amz-bucket-region": "us-west-2", "Location": "https://elsewhere.example/b"},
            "<Endpoint>elsewhere.example</Endpoint>",
        )
        self.answers(moved, moved)
        self.run_cli("s3 s3api list-objects-v2 --bucket b", status=254)
        self.internet.answers.clear()
        self.assertEqual({host for host, _, _, _ in self.internet.took()}, {HOST})

    def test_errors(self):
        self.answers(error(403, "InvalidAccessKeyId"))
        self.assertIn("InvalidAccessKeyId", self.run_cli("s3 s3api get-object --bucket b --key k down", status=254))
        self.signed(f"{HOST} GET /b/k")
