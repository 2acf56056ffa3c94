// OpenAI (https://platform.openai.com/docs/api-reference): lists by `after`, files as multipart, streams of events.
import assert from 'node:assert/strict';
import OpenAI from 'openai';
import { binary, conversation, json, partsOf } from '../harness/answers.mjs';
import { bearer, limited, refused, redirect } from '../harness/features.mjs';
import { row } from '../harness/rows.mjs';

const host = 'api.openai.com';
const ask = (client) => client.models.retrieve('gpt-4o-mini');

export default row('openai', {
  fields: { api_key: 'sk-provider-canary-0123456789' },
  hosts: [host],
  credential: bearer('sk-provider-canary-0123456789'),
  make: ({ openaiOf }, key) => openaiOf('alice-openai', key),
  hooks: [{ export: 'default', option: 'baseURL' }],
  call: ask,

  async list({ client, answer, took }) {
    const page = (id, has_more) => json(200, { object: 'list', data: [{ id, object: 'file' }], has_more });
    answer(host, page('file-1', true), page('file-2', false));
    const ids = [];
    for await (const { id } of client.files.list({ limit: 1 })) ids.push(id);
    assert.deepEqual(ids, ['file-1', 'file-2']);
    took(host, 'GET /v1/files?limit=1', 'GET /v1/files?limit=1&after=file-1');
  },

  async upload({ client, answer, took }) {
    answer(host, json(200, { id: 'file-1', object: 'file' }));
    await client.files.create({ purpose: 'assistants', file: new File([binary], 'training.bin') });
    assert.ok(partsOf(took(host, 'POST /v1/files')[0]).file.content.equals(binary), 'the file differs');
  },

  async stream({ client, answer, took }) {
    const talk = conversation('It ', 'is ', 'tall.');
    answer(host, talk.answer);
    const words = [];
    for await (const { choices } of await client.chat.completions.create({ model: 'gpt-4o-mini', stream: true, messages: [] })) {
      words.push(choices[0].delta.content);
      talk.saw();
    }
    assert.deepEqual(words, talk.words);
    took(host, 'POST /v1/chat/completions');
  },

  refused: refused(host, ask, { error: { message: 'Incorrect API key provided', code: 'invalid_api_key' } }, (err) => {
    assert.ok(err instanceof OpenAI.AuthenticationError, err);
    assert.deepEqual([err.status, err.code], [401, 'needs_reconnection']);
  }),
  limited: limited(host, ask, { error: { message: 'Rate limit reached', code: 'rate_limit_exceeded' } }, { id: 'gpt-4o-mini' }, ({ id }) => {
    assert.equal(id, 'gpt-4o-mini');
  }),
  redirected: redirect(host, ask, 'followed'),
});
