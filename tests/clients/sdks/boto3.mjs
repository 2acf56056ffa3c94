// Python's boto3 with Amazon S3 (https://docs.aws.amazon.com/AmazonS3/latest/API).
import assert from 'node:assert/strict';
import { binary, streamed } from '../harness/answers.mjs';
import { redirect, refused } from '../harness/features.mjs';
import { python } from '../harness/python.mjs';
import { row } from '../harness/rows.mjs';
import { error, host, page, s3, signed } from '../harness/s3.mjs';

const ask = (client) => client('ask');

export default row('boto3', {
  fields: s3,
  hosts: [host],
  credential: signed,
  make: (_block, key, hook) => python('boto3', key, hook),
  hooks: [{ option: 'endpoint_url' }],
  call: ask,

  async list({ client, answer, took }) {
    answer(host, page('one', 'abc='), page('two'));
    assert.deepEqual(await client('list'), ['one', 'two']);
    const first = 'GET /books?list-type=2&max-keys=1&encoding-type=url';
    took(host, first, 'GET /books?list-type=2&max-keys=1&continuation-token=abc%3D&encoding-type=url');
  },

  async upload({ client, answer, took }) {
    answer(host, (res) => res.writeHead(200, { etag: '"1"' }).end());
    assert.deepEqual(await client('upload'), ['"1"']);
    assert.ok(took(host, 'PUT /books/a%20b/c.bin')[0].body.equals(binary), 'the file differs');
  },

  async stream({ client, answer, took }) {
    const talk = streamed(['1', '2', '3'], (word) => word);
    answer(host, talk.answer);
    assert.deepEqual(await client('stream', () => talk.saw()), talk.words);
    took(host, 'GET /books/c.bin');
  },

  refused: async ({ client, answer }) => {
    answer(host, error(403, 'InvalidAccessKeyId'));
    await assert.rejects(ask(client), ({ code }) => assert.deepEqual(code, [403, 'needs_reconnection']) ?? true);
  },
  // It repeats in its own time, which is shorter than what Retry-After says.
  async limited({ client, answer, took }) {
    answer(host, error(429, 'SlowDown', { 'retry-after': '1' }), page('one'));
    assert.deepEqual(await ask(client), [['one']]);
    took(host, 'GET /books?list-type=2&encoding-type=url', 'GET /books?list-type=2&encoding-type=url');
  },
  redirected: redirect(host, ask, 'kept', 307),
});
