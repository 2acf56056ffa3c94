// Dropbox (https://www.dropbox.com/developers/documentation/http/documentation): lists by cursor, content at a host of its own.
import assert from 'node:assert/strict';
import { DropboxResponseError } from 'dropbox';
import { binary, json } from '../harness/answers.mjs';
import { bearer, redirect, refused, told } from '../harness/features.mjs';
import { row } from '../harness/rows.mjs';

const host = 'api.dropboxapi.com';
const content = 'content.dropboxapi.com';
const secret = 'sl.provider_canary_0123456789';
const ask = (client) => client.usersGetCurrentAccount();

export default row('dropbox', {
  fields: { access_token: secret },
  hosts: [host, content],
  credential: bearer(secret),
  make: ({ dropboxOf }, key) => dropboxOf('alice-dropbox', key),
  hooks: [{ export: 'Dropbox', option: 'fetch' }],
  call: ask,

  async list({ client, answer, took }) {
    const page = (name, has_more) => json(200, { entries: [{ '.tag': 'file', name }], cursor: 'abc', has_more });
    answer(host, page('one', true), page('two', false));
    const { result } = await client.filesListFolder({ path: '', limit: 1 });
    const more = await client.filesListFolderContinue({ cursor: result.cursor });
    assert.deepEqual([result.entries[0].name, more.result.entries[0].name], ['one', 'two']);
    took(host, 'POST /2/files/list_folder', 'POST /2/files/list_folder/continue');
  },

  async upload({ client, answer, took }) {
    answer(content, json(200, { name: 'report.bin' }));
    await client.filesUpload({ path: '/report.bin', contents: binary });
    assert.ok(took(content, 'POST /2/files/upload')[0].body.equals(binary), 'the file differs');
  },

  async stream({ client, answer, took }) {
    answer(content, (res) => res.writeHead(200, { 'dropbox-api-result': '{"name":"report.bin"}' }).end(binary));
    const { result } = await client.filesDownload({ path: '/report.bin' });
    const file = result.fileBinary ?? Buffer.from(await result.fileBlob.arrayBuffer());
    assert.ok(Buffer.from(file).equals(binary), 'the file differs');
    took(content, 'POST /2/files/download');
  },

  refused: refused(host, ask, { error_summary: 'invalid_access_token/..', error: { '.tag': 'invalid_access_token' } }, (err) => {
    assert.ok(err instanceof DropboxResponseError, err);
    assert.deepEqual([err.status, err.error.data.code], [401, 'needs_reconnection']);
  }),
  limited: told(host, ask, { error_summary: 'too_many_requests/..', error: { reason: { '.tag': 'too_many_requests' }, retry_after: 1 } }, (err) => {
    assert.deepEqual([err.status, err.headers.get('retry-after')], [429, '1']);
  }),
  redirected: redirect(host, ask, 'followed'),
});
