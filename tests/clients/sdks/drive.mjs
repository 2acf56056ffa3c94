// Google Drive (https://developers.google.com/workspace/drive/api/reference/rest/v3): lists by pageToken, uploads below /upload.
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { binary, json } from '../harness/answers.mjs';
import { bearer, redirect, refused } from '../harness/features.mjs';
import { row } from '../harness/rows.mjs';

const host = 'www.googleapis.com';
const secret = 'ya29.provider_canary_0123456789';
const ask = (drive) => drive.about.get({ fields: 'user' });
const error = (code, status) => ({ error: { code, status, message: 'no' } });

export default row('google-drive', {
  fields: { access_token: secret },
  hosts: [host],
  credential: bearer(secret),
  make: ({ driveOf }, key) => driveOf(key),
  hooks: [{ export: 'google', method: 'drive', option: 'auth' }],
  call: ask,

  async list({ client, answer, took }) {
    const page = (id, nextPageToken) => json(200, { files: [{ id }], nextPageToken });
    answer(host, page('one', 'abc='), page('two'));
    const ids = [];
    for (let pageToken; ids.length === 0 || pageToken;) {
      const { data } = await client.files.list({ pageSize: 1, pageToken });
      ids.push(data.files[0].id);
      pageToken = data.nextPageToken;
    }
    assert.deepEqual(ids, ['one', 'two']);
    took(host, 'GET /drive/v3/files?pageSize=1', 'GET /drive/v3/files?pageSize=1&pageToken=abc%3D');
  },

  async upload({ client, answer, took }) {
    answer(host, json(200, { id: 'one' }));
    const media = { mimeType: 'application/octet-stream', body: Readable.from([binary]) };
    await client.files.create({ requestBody: { name: 'report.bin' }, media });
    assert.ok(took(host, 'POST /upload/drive/v3/files?uploadType=multipart')[0].body.includes(binary), 'the file differs');
  },

  async stream({ client, answer, took }) {
    answer(host, (res) => res.writeHead(200, { 'content-type': 'application/octet-stream' }).end(binary));
    const { data } = await client.files.get({ fileId: 'one', alt: 'media' }, { responseType: 'stream' });
    assert.ok((await buffer(data)).equals(binary), 'the file differs');
    took(host, 'GET /drive/v3/files/one?alt=media');
  },

  refused: refused(host, ask, error(401, 'UNAUTHENTICATED'), (err) => {
    assert.equal(err.status ?? err.code, 401);
    assert.equal(err.response.data.data.code, 'needs_reconnection');
  }),
  // It repeats a GET in its own time, which is shorter than what Retry-After says.
  async limited({ client, answer, took }) {
    answer(host, json(429, error(429, 'RESOURCE_EXHAUSTED'), { 'retry-after': '1' }), json(200, { user: { displayName: 'Alice' } }));
    assert.equal((await ask(client)).data.user.displayName, 'Alice');
    took(host, 'GET /drive/v3/about?fields=user', 'GET /drive/v3/about?fields=user');
  },
  redirected: redirect(host, ask, 'followed'),
});
