// Amazon S3 (https://docs.aws.amazon.com/AmazonS3/latest/API): XML, lists by continuation token, requests signed over their bytes.
import assert from 'node:assert/strict';
import { buffer } from 'node:stream/consumers';
import { GetObjectCommand, HeadBucketCommand, ListObjectsV2Command, paginateListObjectsV2, PutObjectCommand } from '@aws-sdk/client-s3';
import { binary } from '../harness/answers.mjs';
import { redirect } from '../harness/features.mjs';
import { row } from '../harness/rows.mjs';
import { error, host, page, s3, signed } from '../harness/s3.mjs';

const ask = (client) => client.send(new ListObjectsV2Command({ Bucket: 'books' }));

export default row('aws-s3', {
  fields: s3,
  hosts: [host],
  credential: signed,
  make: ({ s3Of }, key) => s3Of('alice-aws-s3', key, 'eu-central-1'),
  hooks: [{ export: 'S3Client', option: 'endpoint' }],
  call: ask,

  async list({ client, answer, took }) {
    answer(host, page('one', 'abc='), page('two'));
    const keys = [];
    for await (const { Contents } of paginateListObjectsV2({ client, pageSize: 1 }, { Bucket: 'books' })) keys.push(Contents[0].Key);
    assert.deepEqual(keys, ['one', 'two']);
    took(host, 'GET /books/?list-type=2&max-keys=1', 'GET /books/?continuation-token=abc%3D&list-type=2&max-keys=1');
  },

  async upload({ client, answer, took }) {
    answer(host, (res) => res.writeHead(200, { etag: '"1"' }).end());
    await client.send(new PutObjectCommand({ Bucket: 'books', Key: 'a b/c.bin', Body: binary }));
    assert.ok(took(host, 'PUT /books/a%20b/c.bin?x-id=PutObject')[0].body.equals(binary), 'the file differs');
  },

  async stream({ client, answer, took }) {
    answer(host, (res) => res.writeHead(200, { 'content-length': binary.length }).end(binary));
    const { Body } = await client.send(new GetObjectCommand({ Bucket: 'books', Key: 'c.bin' }));
    assert.ok((await buffer(Body)).equals(binary), 'the file differs');
    took(host, 'GET /books/c.bin?x-id=GetObject');
  },

  async refused({ client, answer }) {
    answer(host, error(403, 'InvalidAccessKeyId'));
    await assert.rejects(ask(client), (err) => {
      assert.deepEqual([err.name, err.$metadata.httpStatusCode, err.$response.headers['vendgate-code']], ['InvalidAccessKeyId', 403, 'needs_reconnection']);
      return true;
    });
  },
  async limited({ client, answer, took }) {
    answer(host, error(429, 'SlowDown', { 'retry-after': '1' }), page('one'));
    const asked = performance.now();
    assert.equal((await ask(client)).Contents[0].Key, 'one');
    assert.ok(performance.now() - asked > 900, 'it did not wait');
    took(host, 'GET /books/?list-type=2', 'GET /books/?list-type=2');
  },
  redirected: redirect(host, (client) => client.send(new HeadBucketCommand({ Bucket: 'books' })), 'kept', 307),
});
