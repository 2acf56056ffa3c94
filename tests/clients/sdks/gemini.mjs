// Google Gemini (https://ai.google.dev/api): lists by nextPageToken, files in two steps
// (https://ai.google.dev/api/files#method:-media.upload), the second at an address that the first answers.
import assert from 'node:assert/strict';
import { ApiError } from '@google/genai';
import { binary, json, streamed } from '../harness/answers.mjs';
import { header, redirect, refused, told } from '../harness/features.mjs';
import { row } from '../harness/rows.mjs';

const host = 'generativelanguage.googleapis.com';
const secret = 'AIza-provider-canary-0123456789';
const ask = (client) => client.models.get({ model: 'gemini-2.0-flash' });
const error = (code, status) => ({ error: { code, status, message: 'no' } });

export default row('gemini', {
  fields: { api_key: secret },
  hosts: [host],
  credential: header('x-goog-api-key', secret),
  make: ({ geminiOf }, key) => geminiOf('alice-gemini', key),
  hooks: [{ export: 'GoogleGenAI', option: 'httpOptions.baseUrl' }],
  call: ask,
  normal: (line) => line.replace('/v1/', '/v1beta/'), // 3 calls the one, 2 the other

  async list({ client, answer, took }) {
    const page = (name, nextPageToken) => json(200, { models: [{ name }], nextPageToken });
    answer(host, page('models/one', 'abc='), page('models/two'));
    const names = [];
    for await (const { name } of await client.models.list({ config: { pageSize: 1 } })) names.push(name);
    assert.deepEqual(names, ['models/one', 'models/two']);
    took(host, 'GET /v1beta/models?pageSize=1', 'GET /v1beta/models?pageSize=1&pageToken=abc%3D');
  },

  async upload({ client, answer, took }) {
    const target = '/upload/v1beta/files?upload_id=abc&upload_protocol=resumable';
    answer(
      host,
      (res) => res.writeHead(200, { 'x-goog-upload-url': `https://${host}${target}`, 'x-goog-upload-status': 'active' }).end(),
      json(200, { file: { name: 'files/1' } }, { 'x-goog-upload-status': 'final' }),
    );
    const { name } = await client.files.upload({ file: new Blob([binary]), config: { mimeType: 'application/octet-stream' } });
    assert.equal(name, 'files/1');
    const [, sent] = took(host, 'POST /upload/v1beta/files', `POST ${target}`);
    assert.ok(sent.body.equals(binary), 'the file differs');
  },

  async stream({ client, answer, took }) {
    const talk = streamed(['It ', 'is ', 'tall.'], (text) => `data: ${JSON.stringify({ candidates: [{ content: { parts: [{ text }] } }] })}\r\n\r\n`);
    answer(host, talk.answer);
    const words = [];
    for await (const { text } of await client.models.generateContentStream({ model: 'gemini-2.0-flash', contents: 'Größe?' })) {
      words.push(text);
      talk.saw();
    }
    assert.deepEqual(words, talk.words);
    took(host, 'POST /v1beta/models/gemini-2.0-flash:streamGenerateContent?alt=sse');
  },

  refused: refused(host, ask, error(400, 'INVALID_ARGUMENT_API_KEY_INVALID'), (err) => {
    assert.ok(err instanceof ApiError, err);
    assert.equal(err.status, 401);
    assert.match(err.message, /needs_reconnection/);
  }, 400),
  // It repeats nothing by itself, unless httpOptions.retryOptions says so, and heeds no Retry-After then.
  limited: told(host, ask, error(429, 'RESOURCE_EXHAUSTED'), (err) => {
    assert.equal(err.status, 429);
    assert.match(err.message, /rate_limited/);
  }),
  redirected: redirect(host, ask, 'refused'),
});
