// Microsoft Graph (https://learn.microsoft.com/en-us/graph/paging): lists by @odata.nextLink, a whole address.
import assert from 'node:assert/strict';
import { GraphError, PageIterator } from '@microsoft/microsoft-graph-client';
import { buffer } from 'node:stream/consumers';
import { binary, json } from '../harness/answers.mjs';
import { bearer, limited, redirect, refused } from '../harness/features.mjs';
import { row } from '../harness/rows.mjs';

const host = 'graph.microsoft.com';
const secret = 'eyJ.provider-canary-0123456789';
const ask = (client) => client.api('/me').get();
const error = (code) => ({ error: { code, message: 'no' } });

export default row('microsoft-graph', {
  fields: { access_token: secret },
  hosts: [host],
  credential: bearer(secret),
  make: ({ graphOf }, key) => graphOf('alice-microsoft-graph', key),
  hooks: [{ export: 'Client', method: 'init', option: 'baseUrl' }],
  call: ask,

  async list({ client, answer, took }) {
    const next = `https://${host}/v1.0/users?$top=1&$skiptoken=abc`;
    answer(host, json(200, { '@odata.nextLink': next, value: [{ id: 'one' }] }), json(200, { value: [{ id: 'two' }] }));
    const ids = [];
    await new PageIterator(client, await client.api('/users').top(1).get(), ({ id }) => ids.push(id)).iterate();
    assert.deepEqual(ids, ['one', 'two']);
    took(host, 'GET /v1.0/users?$top=1', 'GET /v1.0/users?$top=1&$skiptoken=abc');
  },

  async upload({ client, answer, took }) {
    answer(host, json(201, { id: '1', name: 'report.bin' }));
    await client.api('/me/drive/root:/report.bin:/content').put(binary);
    assert.ok(took(host, 'PUT /v1.0/me/drive/root:/report.bin:/content')[0].body.equals(binary), 'the file differs');
  },

  async stream({ client, answer, took }) {
    answer(host, (res) => res.writeHead(200, { 'content-type': 'application/octet-stream' }).end(binary));
    assert.ok((await buffer(await client.api('/me/drive/items/1/content').getStream())).equals(binary), 'the file differs');
    took(host, 'GET /v1.0/me/drive/items/1/content');
  },

  refused: refused(host, ask, error('InvalidAuthenticationToken'), (err) => {
    assert.ok(err instanceof GraphError, err);
    assert.deepEqual([err.statusCode, err.code], [401, 'needs_reconnection']);
  }),
  limited: limited(host, ask, error('TooManyRequests'), { id: 'one' }, ({ id }) => assert.equal(id, 'one')),
  redirected: redirect(host, ask, 'followed'),
});
