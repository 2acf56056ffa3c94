'use strict';

// A library with its hosts hard-coded, as the README shows it.
const { test } = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { startGateway, key } = require('../support/gateway.js');

const hosts = [
  { host: 'api.dropboxapi.com', base_path: '/2', path: '' },
  { host: 'content.dropboxapi.com', base_path: '', path: '/~content.dropboxapi.com' },
];

test('the README shows what is run', () => {
  const root = path.join(__dirname, '..', '..');
  const block = fs.readFileSync(path.join(root, 'test', 'support', 'dropbox.mjs'), 'utf8');
  assert.ok(fs.readFileSync(path.join(root, 'README.md'), 'utf8').includes(`\`\`\`js\n${block}\`\`\`\n`));
});

test('dropbox: a list, an upload, a download, a redirect and another host', async (t) => {
  const content = Buffer.from('\0\xff content', 'latin1');
  const gateway = await startGateway(t, ({ line, body }) => {
    const headers = { 'content-type': 'application/json', 'dropbox-api-result': '{"name":"a"}' };
    if (line.endsWith('/sharing/get_file_metadata')) return { status: 307, headers: { location: '/proxy/conn_1/dropbox/moved' } };
    if (line.endsWith('/users/get_current_account')) return { status: 302, headers: { location: 'https://elsewhere.example/' } };
    return { headers, body: line.endsWith('/download') ? content : JSON.stringify({ entries: [], name: 'a', size: body.length }) };
  }, hosts);
  Object.assign(process.env, { VENDGATE_URL: gateway.url, VENDGATE_KEY: key });
  const { dropboxOf } = await import('../support/dropbox.mjs');
  const dropbox = dropboxOf('conn_1', 'alice@example.com');
  assert.deepEqual((await dropbox.filesListFolder({ path: '' })).result.entries, []);
  assert.equal((await dropbox.filesUpload({ path: '/a', contents: content })).result.name, 'a');
  assert.deepEqual((await dropbox.filesDownload({ path: '/a' })).result.fileBinary, content);
  await dropbox.sharingGetFileMetadata({ file: 'id:1' });
  await assert.rejects(dropbox.usersGetCurrentAccount(), { code: 'url_refused', reason: 'host' });
  const calls = ['files/list_folder', '~content.dropboxapi.com/2/files/upload', '~content.dropboxapi.com/2/files/download', 'sharing/get_file_metadata', 'moved', 'users/get_current_account'];
  assert.deepEqual(gateway.lines(), calls.map((call) => `POST /proxy/conn_1/dropbox/${call}`));
  for (const { headers } of gateway.requests) assert.deepEqual([headers.authorization, headers['x-user-email']], [`Bearer ${key}`, 'alice@example.com']);
});
