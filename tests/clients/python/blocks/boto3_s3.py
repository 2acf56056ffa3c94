# boto3 1, with a caller key as the access key id: the gateway signs again with the connection's own.
# It fails closed: for any URL but those of the connection, nothing is sent.
import os

import boto3
from botocore.config import Config


def s3(connection):
    endpoint = f"{os.environ['VENDGATE_URL']}/proxy/{connection}/aws-s3"
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=os.environ["CALLER_KEY"],  # ck_…
        aws_secret_access_key="placeholder",
        aws_session_token=None,
        region_name="us-east-1",  # any: the connection has its own
        config=Config(s3={"addressing_style": "path"}),  # a bucket in the host name would not lead to the gateway
    )

    def only_gateway(request, **_):
        if not request.url.startswith(f"{endpoint}/"):
            raise ValueError(f"{request.url.split('?')[0]} is not the gateway")

    client.meta.events.register("before-send.s3", only_gateway)
    return client
