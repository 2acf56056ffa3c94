// Notion (https://developers.notion.com/reference): lists by next_cursor, files as multipart to the upload's own address.
import assert from 'node:assert/strict';
import { APIErrorCode, collectPaginatedAPI } from '@notionhq/client';
import { binary, json, partsOf } from '../harness/answers.mjs';
import { bearer, limited, redirect, refused } from '../harness/features.mjs';
import { row } from '../harness/rows.mjs';

const host = 'api.notion.com';
const secret = 'ntn_provider_canary_0123456789';
const ask = (client) => client.users.me({});
const error = (status, code) => ({ object: 'error', status, code, message: 'no' });

export default row('notion', {
  fields: { access_token: secret },
  hosts: [host],
  credential: bearer(secret),
  make: ({ notionOf }, key) => notionOf('alice-notion', key),
  hooks: [{ export: 'Client', option: 'baseUrl' }, { export: 'Client', option: 'fetch' }],
  call: ask,

  async list({ client, answer, took }) {
    const page = (id, next_cursor) => json(200, { object: 'list', results: [{ object: 'user', id }], has_more: !!next_cursor, next_cursor });
    answer(host, page('one', 'abc'), page('two', null));
    const users = await collectPaginatedAPI(client.users.list, { page_size: 1 });
    assert.deepEqual(users.map(({ id }) => id), ['one', 'two']);
    took(host, 'GET /v1/users?page_size=1', 'GET /v1/users?start_cursor=abc&page_size=1');
  },

  async upload({ client, answer, took }) {
    answer(host, json(200, { object: 'file_upload', id: 'f1', status: 'uploaded' }));
    await client.fileUploads.send({ file_upload_id: 'f1', file: { filename: 'report.bin', data: new Blob([binary]) } });
    assert.ok(partsOf(took(host, 'POST /v1/file_uploads/f1/send')[0]).file.content.equals(binary), 'the file differs');
  },

  refused: refused(host, ask, error(401, APIErrorCode.Unauthorized), (err) => {
    assert.deepEqual([err.status, err.code, err.headers.get('vendgate-code')], [401, APIErrorCode.Unauthorized, 'needs_reconnection']);
  }),
  limited: limited(host, ask, error(429, APIErrorCode.RateLimited), { object: 'user', id: 'one' }, ({ id }) => assert.equal(id, 'one')),
  redirected: redirect(host, ask, 'followed'),
});
