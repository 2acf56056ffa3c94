// Anthropic (https://docs.anthropic.com/en/api): models by `after_id`, files as multipart, a stream of typed events.
import assert from 'node:assert/strict';
import Anthropic from '@anthropic-ai/sdk';
import { binary, json, partsOf, streamed } from '../harness/answers.mjs';
import { header, limited, redirect, refused } from '../harness/features.mjs';
import { row } from '../harness/rows.mjs';

const host = 'api.anthropic.com';
const secret = 'sk-ant-provider-canary-0123456789';
const ask = (client) => client.models.retrieve('claude-sonnet-4-5');
const error = (type, message) => ({ type: 'error', error: { type, message }, request_id: 'req_1' });

export default row('anthropic', {
  fields: { api_key: secret },
  hosts: [host],
  credential: header('x-api-key', secret),
  make: ({ anthropicOf }, key) => anthropicOf('alice-anthropic', key),
  hooks: [{ export: 'default', option: 'baseURL' }],
  call: ask,

  async list({ client, answer, took }) {
    const page = (id, has_more) => json(200, { data: [{ type: 'model', id }], has_more, first_id: id, last_id: id });
    answer(host, page('one', true), page('two', false));
    const ids = [];
    for await (const { id } of client.models.list({ limit: 1 })) ids.push(id);
    assert.deepEqual(ids, ['one', 'two']);
    took(host, 'GET /v1/models?limit=1', 'GET /v1/models?limit=1&after_id=one');
  },

  async upload({ client, answer, took }) {
    answer(host, json(200, { type: 'file', id: 'file_1', filename: 'report.bin' }));
    const { id } = await client.beta.files.upload({ file: new File([binary], 'report.bin') });
    assert.equal(id, 'file_1');
    assert.ok(partsOf(took(host, 'POST /v1/files')[0]).file.content.equals(binary), 'the file differs');
  },

  async stream({ client, answer, took }) {
    const delta = (text) => ({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } });
    const talk = streamed(['It ', 'is ', 'tall.'], (text) => `event: content_block_delta\ndata: ${JSON.stringify(delta(text))}\n\n`);
    answer(host, talk.answer);
    const words = [];
    for await (const event of await client.messages.create({ model: 'claude-sonnet-4-5', max_tokens: 9, stream: true, messages: [] })) {
      words.push(event.delta.text);
      talk.saw();
    }
    assert.deepEqual(words, talk.words);
    took(host, 'POST /v1/messages');
  },

  refused: refused(host, ask, error('authentication_error', 'invalid x-api-key'), (err) => {
    assert.ok(err instanceof Anthropic.AuthenticationError, err);
    assert.equal(err.error.data.code, 'needs_reconnection');
  }),
  limited: limited(host, ask, error('rate_limit_error', 'slow down'), { type: 'model', id: 'one' }, ({ id }) => assert.equal(id, 'one')),
  redirected: redirect(host, ask, 'followed'),
});
