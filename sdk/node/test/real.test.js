'use strict';

const { test, before, after } = require('node:test');
const assert = require('node:assert/strict');
const { inspect } = require('node:util');
const sdk = require('@vendgate/connect-platform');
const { startWorld, email } = require('./support/world.js');
const { EndUser } = require('./support/enduser.js');

/** @type {Awaited<ReturnType<typeof startWorld>>} */
let world;
const cleanups = [];
before(async () => {
  world = await startWorld({ after: (cleanup) => cleanups.unshift(cleanup) });
});
after(async () => {
  for (const cleanup of cleanups) await cleanup();
});

const wait = { intervalMs: 50, timeoutMs: 10_000 };

/** Makes a connection by a link, as the end user's browser would. */
async function connected(client, user = email, name = 'Work OpenAI') {
  const link = await client.createRequestLink(user, { appId: 'openai', name });
  await new EndUser().accept(link.request_link, world.provider.goodKey);
  return link.connection_id;
}

test('the catalog', async () => {
  const client = world.client('acme');
  const { apps, ...page } = await client.listApps({ search: 'gmail' });
  assert.equal(apps[0].slug, 'gmail');
  assert.equal(apps[0].auth_type, 'o_auth');
  assert.deepEqual({ page: page.page, limit: page.limit }, { page: 1, limit: 20 });
  const first = await client.listApps({ page: 1, limit: 2 });
  const second = await client.listApps({ page: 2, limit: 2 });
  assert.equal(new Set([...first.apps, ...second.apps].map(({ id }) => id)).size, 4);
  assert.ok(first.total > 20);
  assert.deepEqual(await client.getApp(apps[0].id), apps[0]);
  assert.deepEqual((await client.getApp('openai')).fields, [{ name: 'api_key', label: 'API key', secret: true }]);
});

test('a link, from pending to active, and its token', async () => {
  const client = world.client('acme');
  const link = await client.createRequestLink(email, { appId: 'gmail', name: 'Zoë’s Gmail' });
  assert.deepEqual(Object.keys(link).sort(), ['app', 'connection_id', 'expires_at', 'request_link', 'request_token']);
  assert.equal(link.request_link, `${world.url}/connect/${link.request_token}`);
  const pending = await client.getConnection(email, link.connection_id);
  assert.deepEqual([pending.status, pending.name, pending.expires_at], ['pending', 'Zoë’s Gmail', link.expires_at]);
  const waiting = client.waitForConnection(email, link.connection_id, wait);
  const page = await new EndUser().accept(link.request_link);
  assert.match(page.html, /Connection created successfully/);
  const active = await waiting;
  assert.deepEqual([active.id, active.status, active.via_link, active.app.slug, active.expires_at], [link.connection_id, 'active', true, 'gmail', null]);
  const token = await client.getToken(email, active.id);
  assert.deepEqual([token.auth_type, token.token_type, world.provider.tokens.has(token.access_token)], ['o_auth', 'Bearer', true]);
  assert.ok(token.expires_in > 3500 && token.expires_in <= 3600);
});

test('a link to a key-based app, with a wrong try first', async () => {
  const client = world.client('acme');
  const link = await client.createRequestLink(email, { appId: 'openai', name: 'Work' });
  const user = new EndUser();
  const refused = await user.accept(link.request_link, 'sk-wrong');
  assert.equal((await client.getConnection(email, link.connection_id)).status, 'pending');
  await user.send(refused, '/credentials', [world.provider.goodKey]);
  assert.equal((await client.waitForConnection(email, link.connection_id, wait)).status, 'active');
  assert.deepEqual(await client.getToken(email, link.connection_id), { auth_type: 'api_key', fields: { api_key: world.provider.goodKey }, expires_in: null });
});

test('a wait sees the refusal', async () => {
  const client = world.client('acme');
  const link = await client.createRequestLink(email, { appId: 'gmail', name: 'Work' });
  const waiting = client.waitForConnection(email, link.connection_id, wait);
  await new EndUser().reject(link.request_link);
  assert.equal((await waiting).status, 'rejected');
});

test('a wait for an end user who does nothing', async () => {
  const client = world.client('acme');
  const { connection_id: id } = await client.createRequestLink(email, { appId: 'gmail', name: 'Work' });
  await assert.rejects(client.waitForConnection(email, id, { intervalMs: 50, timeoutMs: 300 }), { name: 'TimeoutError', code: 'wait_timeout' });
  await assert.rejects(client.waitForConnection(email, id, { signal: AbortSignal.timeout(100) }), { name: 'TimeoutError', code: DOMException.TIMEOUT_ERR });
});

test('a wait rides out a spent budget', async () => {
  const client = world.client('limited');
  const id = await world.importKey('limited');
  await assert.rejects(async () => {
    for (let i = 0; i < 200; i++) await client.getConnection(email, id);
  }, (error) => error instanceof sdk.RateLimitedError && error.retryAfter >= 1 && error.retryAfter <= 2);
  assert.equal((await client.waitForConnection(email, id, wait)).status, 'active');
});

test('a refresh link: the old credentials work until the new ones are in', async () => {
  const client = world.client('acme');
  const id = await world.importKey('acme', 'sk-old');
  const before = await client.getConnection(email, id);
  const link = await client.createRefreshLink(email, id);
  assert.equal(link.connection_id, id);
  const open = await client.waitForConnection(email, id);
  assert.deepEqual([open.status, open.refresh_pending, open.expires_at, open.updated_at], ['active', true, link.expires_at, before.updated_at]);
  assert.equal((await client.getToken(email, id)).fields.api_key, 'sk-old');
  const newer = await client.createRefreshLink(email, id);
  assert.equal((await new EndUser().open(link.request_link)).status, 404, 'the older link still works');
  await new EndUser().accept(newer.request_link, world.provider.goodKey);
  const done = await client.getConnection(email, id);
  assert.deepEqual([done.status, done.refresh_pending], ['active', false]);
  assert.equal((await client.getToken(email, id)).fields.api_key, world.provider.goodKey);
});

test('a refresh link that is declined leaves the connection as it was, and tells so', async () => {
  const client = world.client('acme');
  const id = await world.importKey('acme', 'sk-old');
  const link = await client.createRefreshLink(email, id);
  await new EndUser().reject(link.request_link);
  const done = await client.getConnection(email, id);
  assert.deepEqual([done.status, done.refresh_pending], ['active', false]);
  assert.equal((await client.getToken(email, id)).fields.api_key, 'sk-old');
  const { data } = await (await fetch(`${link.request_link}/status`)).json();
  assert.deepEqual(data, { status: 'rejected' });
});

test('a refresh link of a connection that was rejected makes it pending again', async () => {
  const client = world.client('acme');
  const first = await client.createRequestLink(email, { appId: 'openai', name: 'Work' });
  await new EndUser().reject(first.request_link);
  const second = await client.createRefreshLink(email, first.connection_id);
  assert.equal((await client.getConnection(email, first.connection_id)).status, 'pending');
  await new EndUser().accept(second.request_link, world.provider.goodKey);
  assert.equal((await client.waitForConnection(email, first.connection_id, wait)).status, 'active');
});

test('lists are the end user’s own, by page and app', async () => {
  const client = world.client('acme');
  const user = 'lister@example.com';
  const ids = [await connected(client, user, 'one'), await connected(client, user, 'two')];
  await client.createRequestLink(user, { appId: 'gmail', name: 'three' });
  const all = await client.listConnections(user);
  assert.deepEqual([all.total, all.connections.map(({ name }) => name).sort()], [3, ['one', 'three', 'two']]);
  const ofApp = await client.listConnections(user, { appId: 'openai' });
  assert.deepEqual(ofApp.connections.map(({ id }) => id).sort(), ids.sort());
  const pages = await Promise.all([1, 2, 3].map((page) => client.listConnections(user, { page, limit: 1 })));
  assert.equal(new Set(pages.map(({ connections }) => connections[0].id)).size, 3);
  assert.deepEqual((await client.listConnections('stranger@example.com')).connections, []);
});

test('holds, deletion and revocation', async () => {
  const client = world.client('acme');
  const link = await client.createRequestLink(email, { appId: 'gmail', name: 'Work' });
  await new EndUser().accept(link.request_link);
  const id = link.connection_id;
  assert.equal((await client.hold(email, id, 'zap 7/8 ü')).name, 'zap 7/8 ü');
  await assert.rejects(client.deleteConnection(email, id), (error) => error instanceof sdk.ConnectionInUseError && /zap 7\/8 ü/.test(error.message));
  assert.deepEqual(await client.release(email, id, 'zap 7/8 ü'), { released: true });
  assert.deepEqual(await client.release(email, id, 'zap 7/8 ü'), { released: false });
  const revoked = world.provider.revoked.size;
  assert.deepEqual(await client.deleteConnection(email, id), { deleted: true, grant: 'revoked' });
  assert.ok(world.provider.revoked.size > revoked, 'the provider was not told');
  await assert.rejects(client.getConnection(email, id), sdk.ConnectionDeletedError);
});

/** Asks until what a command changed shows; the server notices within a second. */
async function until(shows) {
  for (let tries = 0; !(await shows()); tries++) {
    assert.ok(tries < 200, 'the server does not notice');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test('a rotated key works beside the old one, which ends when it is retired', async () => {
  const works = (client) => client.listApps({ limit: 1 }).then(
    () => true,
    (error) => {
      assert.ok(error instanceof sdk.InvalidTenantKeyError, String(error));
      return false;
    },
  );
  const old = world.client('rotating');
  const fresh = world.clientOf(await world.rotateKey('rotating'));
  await until(() => works(fresh));
  assert.ok(await works(old));
  await world.promoteKey('rotating');
  await until(async () => !(await works(old)));
  assert.ok(await works(fresh));
});

/** Each error that the server can be brought to: class, code, status, what meets it, and what its message says. */
const refusals = [
  ['InvalidUserEmailError', 'invalid_user_email', 400, 'no address', () => world.client('acme').listConnections('not an address'), /x-user-email/],
  ['InvalidRequestError', 'invalid_request', 400, 'a limit out of bounds', () => world.client('acme').listApps({ limit: 1000 }), /limit/],
  ['InvalidRequestError', 'invalid_request', 400, 'a name that is no text', () => link({ name: 7 }), /name/],
  ['InvalidTenantKeyError', 'invalid_tenant_key', 401, 'an unknown key', () => world.clientOf(`pk_live_${'x'.repeat(43)}`).listApps()],
  ['NeedsReconnectionError', 'needs_reconnection', 401, 'a revoked grant', async () => token('acme', await world.importExpired('acme', 'revoked'))],
  ['CapabilityDisabledError', 'capability_disabled', 403, 'a key for apps only', () => world.client('reader').listConnections(email)],
  ['PolicyDeniedError', 'policy_denied', 403, 'a forbidden app', () => world.client('ruled').getApp('gmail')],
  ['PolicyDeniedError', 'policy_denied', 403, 'a forbidden app’s connection', async () => token('ruled', await world.importExpired('ruled', 'good'))],
  ['ConnectionDeletedError', 'connection_deleted', 404, 'an unknown id', () => world.client('acme').getConnection(email, 'conn_unknown')],
  ['ConnectionDeletedError', 'connection_deleted', 404, 'an id that looks like a path', () => token('acme', '../apps')],
  ['ConnectionDeletedError', 'connection_deleted', 404, 'another tenant’s connection', async () => token('other', await world.importKey('acme'))],
  ['ConnectionDeletedError', 'connection_deleted', 404, 'another end user’s connection', async () => token('acme', await world.importKey('acme'), 'bob@example.com')],
  ['UnknownAppError', 'unknown_app', 404, 'an app that is none', () => world.client('acme').getApp('no such app')],
  ['UnknownAppError', 'unknown_app', 404, 'a link to an app that is none', () => link({ appId: 'nope' })],
  ['ConnectionNotActiveError', 'connection_not_active', 409, 'a pending link', async () => token('acme', (await link()).connection_id)],
  ['RequestTooLargeError', 'request_too_large', 413, 'a name of a megabyte', () => link({ name: 'x'.repeat(1 << 20) })],
  ['VendgateError', 'internal_error', 500, 'an app that its operator has not set up', async () => token('acme', await world.importExpired('acme', 'good', 'orphan'))],
];
const link = (more) => world.client('acme').createRequestLink(email, { appId: 'openai', name: 'Work', ...more });
const token = (tenant, id, user = email) => world.client(tenant).getToken(user, id);

for (const [name, code, status, what, call, message = /./] of refusals) {
  test(`${name} by ${what}`, async () => {
    await assert.rejects(call(), (error) => {
      assert.deepEqual([error.constructor, error.code, error.status], [sdk[name], code, status]);
      assert.deepEqual([error.response.status, error.response.data.code, error.message], ['error', code, error.response.message]);
      assert.match(error.message, message);
      return error instanceof sdk.PabblyConnectError;
    });
  });
}

test('UpstreamUnavailableError, after three tries', async () => {
  const id = await world.importExpired('acme', 'outage');
  const calls = () => world.provider.calls['/token'] ?? 0;
  const before = calls();
  await assert.rejects(world.client('acme', { maxRetries: 0 }).getToken(email, id), sdk.UpstreamUnavailableError);
  const each = calls() - before;
  assert.ok(each > 0, 'the provider was not asked');
  await assert.rejects(world.client('acme').getToken(email, id), (error) => error.constructor === sdk.UpstreamUnavailableError && error.status === 503);
  assert.equal(calls() - before, 4 * each);
});

test('RateLimitedError, and the call after the wait it asks for', async () => {
  const client = world.client('limited');
  const id = await world.importKey('limited');
  let error;
  for (let i = 0; i < 200 && !error; i++) await client.getToken(email, id).catch((e) => (error = e));
  assert.deepEqual([error.constructor, error.code, error.status], [sdk.RateLimitedError, 'rate_limited', 429]);
  assert.ok(error.retryAfter >= 1 && error.retryAfter <= 2);
  await new Promise((resolve) => setTimeout(resolve, error.retryAfter * 1000));
  assert.equal((await client.getToken(email, id)).auth_type, 'api_key');
});

test('no error shows a key, a credential or a secret of the server', async () => {
  const shown = [];
  for (const [, , , , call] of refusals) await call().catch((error) => shown.push(inspect(error, { showHidden: true, depth: null })));
  assert.equal(shown.length, refusals.length);
  for (const secret of [...Object.values(world.keys), world.provider.goodKey, 'ya29.', world.provider.client.secret]) {
    assert.ok(!shown.join().includes(secret), 'a secret is shown');
  }
});
