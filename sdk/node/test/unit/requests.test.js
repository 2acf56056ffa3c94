'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const { serve, success, client, connection, key, email } = require('../support/server.js');
const { version } = require('../../package.json');

const link = { connection_id: 'conn_1', request_token: 'rt', request_link: 'https://v.example.com/connect/rt', expires_at: '2026-01-03T00:00:00Z', app: { id: 'openai' } };
const page = { page: 1, limit: 20, total: 0 };
const oauth = { access_token: 'ya29.x', token_type: 'Bearer', expires_in: null, auth_type: 'o_auth' };

/** Each method's call: what is asked for, in bytes, and what the answer's data becomes. */
const cases = [
  ['listApps', (c) => c.listApps(), 'GET /apps', { apps: [], ...page }, { noEmail: true }],
  ['listApps with all options', (c) => c.listApps({ search: 'g mail&limit=1', page: 2, limit: 5 }), 'GET /apps?search=g+mail%26limit%3D1&page=2&limit=5', { apps: [{ id: 'gmail' }], ...page }, { noEmail: true }],
  ['listApps without what is undefined or null', (c) => c.listApps({ search: undefined, page: null, limit: 5 }), 'GET /apps?limit=5', { apps: [], ...page }, { noEmail: true }],
  ['getApp', (c) => c.getApp('gmail'), 'GET /apps/gmail', { id: 'gmail' }, { noEmail: true }],
  ['getApp of a hostile id', (c) => c.getApp('a/../b?c#d%2e é'), 'GET /apps/a%2F..%2Fb%3Fc%23d%252e%20%C3%A9', { id: 'x' }, { noEmail: true }],
  ['createRequestLink', (c) => c.createRequestLink(email, { appId: 'openai', name: 'Zoë’s "key"' }), 'POST /connections/request-link', link, { body: '{"app_id":"openai","name":"Zoë’s \\"key\\""}', status: 201 }],
  ['createRequestLink without a name', (c) => c.createRequestLink(email, { appId: 'openai' }), 'POST /connections/request-link', link, { body: '{"app_id":"openai"}', status: 201 }],
  ['createRefreshLink', (c) => c.createRefreshLink(email, 'conn_1'), 'POST /connections/conn_1/request-link', link, { status: 201 }],
  ['listConnections', (c) => c.listConnections(email), 'GET /connections', { connections: [], ...page }],
  ['listConnections with all options', (c) => c.listConnections(email, { appId: 'openai', needsReconnection: true, page: 3, limit: 100 }), 'GET /connections?app_id=openai&needs_reconnection=true&page=3&limit=100', { connections: [connection()], ...page }],
  ['getConnection', (c) => c.getConnection(email, 'conn_1'), 'GET /connections/conn_1', connection()],
  ['getConnection of a hostile id', (c) => c.getConnection(email, '../apps?x=1'), 'GET /connections/..%2Fapps%3Fx%3D1', connection()],
  ['waitForConnection', (c) => c.waitForConnection(email, 'conn_1'), 'GET /connections/conn_1', connection()],
  ['getToken', (c) => c.getToken(email, 'conn_1'), 'POST /connections/conn_1/token', oauth],
  ['getToken of a key-based app', (c) => c.getToken(email, 'conn_1'), 'POST /connections/conn_1/token', { auth_type: 'api_key', fields: { api_key: 'sk-x' }, expires_in: null }],
  ['deleteConnection', (c) => c.deleteConnection(email, 'conn_1'), 'DELETE /connections/conn_1', { deleted: true }],
  ['hold', (c) => c.hold(email, 'conn_1', 'zap 7/8'), 'PUT /connections/conn_1/holds/zap%207%2F8', { name: 'zap 7/8', created_at: '2026-01-03T00:00:00Z' }],
  ['release', (c) => c.release(email, 'conn_1', 'zap 7/8'), 'DELETE /connections/conn_1/holds/zap%207%2F8', { released: false }],
];

for (const [name, call, line, data, { noEmail, body = '', status = 200 } = {}] of cases) {
  test(name, async (t) => {
    const server = await serve(t, success(data, status));
    assert.deepEqual(await call(client(server)), data);
    assert.equal(server.requests.length, 1);
    const [{ method, url, headers, rawHeaders, body: sent }] = server.requests;
    assert.equal(`${method} ${url}`, line.replace(' ', ' /platform/v1'));
    assert.equal(sent, body);
    assert.equal(headers['content-type'], body === '' ? undefined : 'application/json');
    assert.equal(headers.authorization, `Bearer ${key}`);
    assert.equal(headers['x-user-email'], noEmail ? undefined : email);
    assert.equal(headers.accept, 'application/json');
    assert.equal(headers['user-agent'], `vendgate-connect-platform-node/${version}`);
    const names = rawHeaders.filter((_, i) => i % 2 === 0).map((n) => n.toLowerCase());
    assert.equal(new Set(names).size, names.length, 'a header is sent twice');
    assert.equal(JSON.stringify(server.requests).split(key).length, 3, 'the key belongs into Authorization alone'); // headers and rawHeaders
  });
}

test('a path in the base URL comes before the API’s own', async (t) => {
  const server = await serve(t, success(connection()));
  await client({ url: `${server.url}/behind/proxy/` }).getConnection(email, 'conn_1');
  assert.equal(server.requests[0].url, '/behind/proxy/platform/v1/connections/conn_1');
});

test('no cache is asked, not even by a framework that replaced fetch', async (t) => {
  const server = await serve(t, success(oauth));
  const { fetch } = globalThis;
  t.after(() => (globalThis.fetch = fetch));
  const seen = [];
  globalThis.fetch = (url, options) => {
    seen.push(options.cache);
    return fetch(url, options);
  };
  await client(server).getToken(email, 'conn_1');
  assert.deepEqual(seen, ['no-store']);
});

test('one client serves concurrent callers, each with its own end user', async (t) => {
  const server = await serve(t, (res, req) => success(connection({ name: req.headers['x-user-email'] }))(res));
  const c = client(server);
  const users = Array.from({ length: 50 }, (_, i) => `user${i}@example.com`);
  const seen = await Promise.all(users.map((user) => c.getConnection(user, 'conn_1')));
  assert.deepEqual(seen.map(({ name }) => name), users);
});
