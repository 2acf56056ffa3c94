// Python's requests with GitHub (https://docs.github.com/rest): lists by Link, files at a host of their own, a stream of lines.
import assert from 'node:assert/strict';
import { binary, json, streamed } from '../harness/answers.mjs';
import { bearer, limited, redirect, refused } from '../harness/features.mjs';
import { python } from '../harness/python.mjs';
import { row } from '../harness/rows.mjs';

const host = 'api.github.com';
const uploads = 'uploads.github.com';
const secret = 'gho_provider_canary_0123456789';
const ask = (client) => client('ask');

export default row('requests', {
  fields: { access_token: secret },
  hosts: [host, uploads],
  credential: bearer(secret),
  make: (_block, key, hook) => python('requests', key, hook),
  hooks: [{ option: 'auth' }],
  call: ask,

  async list({ client, answer, took }) {
    const link = `<https://${host}/repositories/1/issues?per_page=1&page=2>; rel="next"`;
    answer(host, json(200, [{ id: 1 }], { link }), json(200, [{ id: 2 }]));
    assert.deepEqual(await client('list'), [1, 2]);
    took(host, 'GET /repos/octo/hello/issues?per_page=1', 'GET /repositories/1/issues?per_page=1&page=2');
  },

  async upload({ client, answer, took }) {
    answer(uploads, json(201, { state: 'uploaded' }));
    assert.deepEqual(await client('upload'), [{ state: 'uploaded' }]);
    assert.ok(took(uploads, 'POST /repos/octo/hello/releases/1/assets?name=a.bin')[0].body.equals(binary), 'the file differs');
  },

  async stream({ client, answer, took }) {
    const talk = streamed(['one', 'two'], (word) => `${word}\n`);
    answer(host, talk.answer);
    assert.deepEqual(await client('stream', () => talk.saw()), talk.words);
    took(host, 'GET /events');
  },

  refused: refused(host, ask, { message: 'Bad credentials' }, ({ code }) => assert.deepEqual(code, [401, 'needs_reconnection'])),
  limited: limited(host, ask, { message: 'slow down' }, { login: 'octocat' }, (said) => assert.deepEqual(said, [{ login: 'octocat' }])),
  redirected: redirect(host, ask, 'followed'),
});
