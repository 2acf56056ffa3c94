'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const { serve, success, client, email } = require('../support/server.js');

/** Each call about an end user, by method; id and name are left to the case. */
const calls = {
  createRequestLink: (c, e) => c.createRequestLink(e, { appId: 'gmail', name: 'Work' }),
  createRefreshLink: (c, e, id) => c.createRefreshLink(e, id),
  listConnections: (c, e) => c.listConnections(e),
  getConnection: (c, e, id) => c.getConnection(e, id),
  waitForConnection: (c, e, id) => c.waitForConnection(e, id),
  getToken: (c, e, id) => c.getToken(e, id),
  deleteConnection: (c, e, id) => c.deleteConnection(e, id),
  hold: (c, e, id, name = 'zap') => c.hold(e, id, name),
  release: (c, e, id, name = 'zap') => c.release(e, id, name),
};
const aboutOne = Object.entries(calls).filter(([, call]) => call.length > 2);

test('the table above has every method about an end user', () => {
  const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(client({ url: 'http://localhost' })));
  assert.deepEqual(methods.filter((m) => !['constructor', 'baseUrl', 'listApps', 'getApp'].includes(m)).sort(), Object.keys(calls).sort());
});

/** Asserts that call throws at once, and that nothing was sent. */
async function throwsAtOnce(t, message, call) {
  const server = await serve(t, success({}));
  assert.throws(() => call(client(server)), { name: 'TypeError', message });
  assert.equal(server.requests.length, 0);
}

for (const [name, call] of Object.entries(calls)) {
  test(`${name} throws at once without an email`, async (t) => {
    for (const missing of [undefined, null, '', '   ', 7, {}, ['alice@example.com']]) {
      await throwsAtOnce(t, /email is required/, (c) => call(c, missing, 'conn_1'));
    }
  });
  test(`${name} throws at once for an email that cannot stand in a header`, async (t) => {
    for (const bad of ['a@b.c\r\nx-evil: 1', 'a@b.c\n', 'a@b.c\0', 'älice@example.com', 'a@b.c\u{1F600}']) {
      await throwsAtOnce(t, /email may hold/, (c) => call(c, bad, 'conn_1'));
    }
  });
}

for (const [name, call] of aboutOne) {
  test(`${name} throws at once without an id`, async (t) => {
    for (const missing of [undefined, null, '', ' ', 7, {}]) await throwsAtOnce(t, /^id is required/, (c) => call(c, email, missing));
  });
  test(`${name} throws at once for an id that no path can hold`, async (t) => {
    for (const bad of ['.', '..', '\ud800']) await throwsAtOnce(t, /^id cannot be part of a path/, (c) => call(c, email, bad));
  });
}

for (const name of ['hold', 'release']) {
  test(`${name} throws at once for a name that would change the call`, async (t) => {
    for (const missing of [null, '', 7]) await throwsAtOnce(t, /^name is required/, (c) => c[name](email, 'conn_1', missing));
    await throwsAtOnce(t, /^name is required/, (c) => c[name](email, 'conn_1'));
    for (const bad of ['.', '..', '\udfff']) await throwsAtOnce(t, /^name cannot be part of a path/, (c) => c[name](email, 'conn_1', bad));
  });
}

test('getApp and createRequestLink throw at once without an app', async (t) => {
  for (const missing of [undefined, null, '', 7]) {
    await throwsAtOnce(t, /appId is required/, (c) => c.getApp(missing));
    await throwsAtOnce(t, /appId is required/, (c) => c.createRequestLink(email, { appId: missing, name: 'Work' }));
  }
  await throwsAtOnce(t, /appId is required/, (c) => c.createRequestLink(email));
  await throwsAtOnce(t, /appId cannot be part of a path/, (c) => c.getApp('..'));
});

test('waitForConnection throws at once for bounds that are none', async (t) => {
  for (const bad of [0, -1, NaN, Infinity, '2000', null]) {
    await throwsAtOnce(t, /intervalMs/, (c) => c.waitForConnection(email, 'conn_1', { intervalMs: bad }));
    await throwsAtOnce(t, /timeoutMs/, (c) => c.waitForConnection(email, 'conn_1', { timeoutMs: bad }));
  }
  for (const bad of [null, {}, 'abort', new AbortController()]) {
    await throwsAtOnce(t, /signal/, (c) => c.waitForConnection(email, 'conn_1', { signal: bad }));
  }
});
