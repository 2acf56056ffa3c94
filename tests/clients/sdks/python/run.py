"""Runs one call of a Python library by its block, and prints what came as lines of JSON: run.py LIBRARY CALL KEY FILE [HOOK]."""

import inspect
import json
import os
import sys
from pathlib import Path

clients = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(clients / "examples" / "python"), str(clients / "python" / "blocks")]


def say(value):
    print(json.dumps(value), flush=True)


def without(function, option):
    """The function as it is in a version that has never heard of an option."""

    def deaf(*args, **options):
        options.pop(option)
        return function(*args, **options)

    return deaf


class Requests:
    """GitHub's API, by requests."""

    def __init__(self, key, hook):
        import requests
        from with_requests import github

        if hook == "auth":
            requests.Session.prepare_request = lambda session, request: request.prepare()
        self.errors = requests.HTTPError
        self.session, self.base = github("alice-github", key)
        retry = requests.packages.urllib3.util.Retry(total=3, status_forcelist=[429])
        self.session.mount("https://", requests.adapters.HTTPAdapter(max_retries=retry))

    def ask(self):
        answer = self.session.get(self.base + "user")
        answer.raise_for_status()
        say(answer.json())

    def list(self, _file):
        url = self.base + "repos/octo/hello/issues?per_page=1"
        while url:
            answer = self.session.get(url)
            answer.raise_for_status()
            say(answer.json()[0]["id"])
            url = answer.links.get("next", {}).get("url")

    def upload(self, file):
        url = self.base + "~uploads.github.com/repos/octo/hello/releases/1/assets?name=a.bin"
        with open(file, "rb") as body:
            answer = self.session.post(url, data=body, headers={"Content-Type": "application/octet-stream"})
        say(answer.json())

    def stream(self, _file):
        with self.session.get(self.base + "events", stream=True) as answer:
            for line in answer.iter_lines(chunk_size=1):
                if line:
                    say(line.decode())

    def code(self, err):
        return [err.response.status_code, err.response.headers.get("vendgate-code")]


class Httpx:
    """OpenAI's API, by httpx."""

    def __init__(self, key, hook):
        import httpx
        from with_httpx import openai

        if hook:
            httpx.Client = without(httpx.Client, hook)
        self.errors = httpx.HTTPStatusError
        self.client = openai("alice-openai", key)

    def ask(self):
        answer = self.client.get("models/gpt-4o-mini")
        answer.raise_for_status()
        say(answer.json())

    def list(self, _file):
        more, after = True, {}
        while more:
            page = self.client.get("files", params={"limit": 1, **after}).json()
            say(page["data"][0]["id"])
            more, after = page["has_more"], {"after": page["data"][0]["id"]}

    def upload(self, file):
        with open(file, "rb") as body:
            say(self.client.post("files", data={"purpose": "assistants"}, files={"file": body}).json())

    def stream(self, _file):
        with self.client.stream("POST", "chat/completions", json={"stream": True}) as answer:
            for line in answer.iter_lines():
                if line.strip():
                    say(line.strip())

    def code(self, err):
        return [err.response.status_code, err.response.headers.get("vendgate-code")]


class Boto3:
    """Amazon S3, by boto3."""

    def __init__(self, key, hook):
        import boto3
        import botocore.exceptions
        from boto3_s3 import s3

        if hook:
            boto3.client = without(boto3.client, hook)
        self.errors = botocore.exceptions.ClientError
        os.environ["CALLER_KEY"] = key
        self.client = s3("alice-aws-s3")

    def ask(self):
        say([item["Key"] for item in self.client.list_objects_v2(Bucket="books")["Contents"]])

    def list(self, _file):
        for page in self.client.get_paginator("list_objects_v2").paginate(Bucket="books", PaginationConfig={"PageSize": 1}):
            say(page["Contents"][0]["Key"])

    def upload(self, file):
        with open(file, "rb") as body:
            say(self.client.put_object(Bucket="books", Key="a b/c.bin", Body=body)["ETag"])

    def stream(self, _file):
        for chunk in self.client.get_object(Bucket="books", Key="c.bin")["Body"].iter_chunks(1):
            say(chunk.decode())

    def code(self, err):
        metadata = err.response["ResponseMetadata"]
        return [metadata["HTTPStatusCode"], metadata["HTTPHeaders"].get("vendgate-code")]


def main():
    library, call, key, file, *hook = sys.argv[1:]
    client = {"requests": Requests, "httpx": Httpx, "boto3": Boto3}[library](key, *(hook or [None]))
    method = getattr(client, call)
    try:
        method(*([file] if inspect.signature(method).parameters else []))
    except client.errors as err:
        say({"error": client.code(err)})


main()
