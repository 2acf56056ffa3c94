import os

import boto3
from botocore.config import Config


def s3(connection, key, region):
    endpoint = f"{os.environ['VENDGATE_URL']}/proxy/{connection}/aws-s3"
    config = Config(s3={"addressing_style": "path"}, retries={"mode": "standard"})
    credentials = {"aws_access_key_id": key, "aws_secret_access_key": "the gateway signs"}
    client = boto3.client("s3", endpoint_url=endpoint, region_name=region, config=config, **credentials)
    if client.meta.endpoint_url != endpoint:
        raise RuntimeError("this boto3 takes no endpoint_url")
    return client
