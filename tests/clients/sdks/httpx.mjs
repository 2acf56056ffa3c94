// Python's httpx with OpenAI (https://platform.openai.com/docs/api-reference): lists by `after`, files as multipart, streams of events.
import assert from 'node:assert/strict';
import { binary, conversation, json, partsOf } from '../harness/answers.mjs';
import { bearer, redirect, refused, told } from '../harness/features.mjs';
import { python } from '../harness/python.mjs';
import { row } from '../harness/rows.mjs';

const host = 'api.openai.com';
const secret = 'sk-provider-canary-0123456789';
const ask = (client) => client('ask');

export default row('httpx', {
  fields: { api_key: secret },
  hosts: [host],
  credential: bearer(secret),
  make: (_block, key, hook) => python('httpx', key, hook),
  hooks: [{ option: 'auth' }, { option: 'base_url' }],
  call: ask,

  async list({ client, answer, took }) {
    const page = (id, has_more) => json(200, { object: 'list', data: [{ id }], has_more });
    answer(host, page('file-1', true), page('file-2', false));
    assert.deepEqual(await client('list'), ['file-1', 'file-2']);
    took(host, 'GET /v1/files?limit=1', 'GET /v1/files?limit=1&after=file-1');
  },

  async upload({ client, answer, took }) {
    answer(host, json(200, { id: 'file-1' }));
    assert.deepEqual(await client('upload'), [{ id: 'file-1' }]);
    assert.ok(partsOf(took(host, 'POST /v1/files')[0]).file.content.equals(binary), 'the file differs');
  },

  async stream({ client, answer, took }) {
    const talk = conversation('It ', 'is ', 'tall.');
    answer(host, talk.answer);
    const lines = await client('stream', () => talk.saw());
    assert.deepEqual(lines.slice(0, 3).map((line) => JSON.parse(line.slice(6)).choices[0].delta.content), talk.words);
    took(host, 'POST /v1/chat/completions');
  },

  refused: refused(host, ask, { error: { code: 'invalid_api_key' } }, ({ code }) => assert.deepEqual(code, [401, 'needs_reconnection'])),
  // It repeats nothing by itself.
  limited: told(host, ask, { error: { code: 'rate_limit_exceeded' } }, ({ code }) => assert.deepEqual(code, [429, 'rate_limited'])),
  redirected: redirect(host, ask, 'followed'),
});
