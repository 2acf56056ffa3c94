"""Calls OpenAI's and GitHub's APIs through the gateway with nothing but the standard library, and prints what came of it."""

import json
import os
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

from vendgate import Vendgate

gateway = os.environ["VENDGATE_URL"]
host = urllib.parse.urlsplit(gateway).netloc
github = f"{gateway}/proxy/{os.environ['GITHUB']}/github"
openai = f"{gateway}/proxy/{os.environ['OPENAI']}/openai"
to_github = urllib.request.build_opener(Vendgate(host, os.environ["GITHUB_KEY"]))
to_openai = urllib.request.build_opener(Vendgate(host, os.environ["OPENAI_KEY"]))


def say(*words):
    print(*words, flush=True)


def get(url):
    """Waits once as Retry-After says, which is always in whole seconds."""
    try:
        return to_github.open(url)
    except urllib.error.HTTPError as err:
        if err.code != 429:
            raise
        time.sleep(int(err.headers["Retry-After"]))
        return to_github.open(url)


def issues():
    """Lists all pages, by Link."""
    url = github + "/repos/octo/hello/issues?per_page=1"
    while url:
        with get(url) as page:
            for issue in json.load(page):
                say("issue", issue["title"])
            link = re.search(r'<([^>]*)>; rel="next"', page.headers.get("Link", ""))
        url = link and link[1]


def upload(path):
    boundary = uuid.uuid4().hex
    with open(path, "rb") as file:
        body = b"\r\n".join([
            b"--" + boundary.encode(),
            b'Content-Disposition: form-data; name="purpose"', b"", b"assistants",
            b"--" + boundary.encode(),
            b'Content-Disposition: form-data; name="file"; filename="%s"' % os.path.basename(path).encode(),
            b"Content-Type: application/octet-stream", b"", file.read(),
            b"--" + boundary.encode() + b"--", b"",
        ])
    headers = {"Content-Type": "multipart/form-data; boundary=" + boundary}
    with to_openai.open(urllib.request.Request(openai + "/files", body, headers)) as answer:
        say("file", json.load(answer)["id"])


def stream():
    """Prints each word as it comes."""
    question = {"model": "gpt-4o-mini", "stream": True, "messages": [{"role": "user", "content": "Größe?"}]}
    headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
    request = urllib.request.Request(openai + "/chat/completions", json.dumps(question).encode(), headers)
    with to_openai.open(request) as events:
        for line in events:
            data = line.decode().removeprefix("data: ").strip()
            if data and data != "[DONE]":
                say("word", json.loads(data)["choices"][0]["delta"]["content"])


def refused():
    """Shows the provider's own error, which the key lets through, and the gateway's code beside it."""
    try:
        to_openai.open(openai + "/models")
    except urllib.error.HTTPError as err:
        say("error", err.code, json.load(err)["error"]["code"], err.headers["Vendgate-Code"])


issues()
upload(sys.argv[1])
stream()
refused()
