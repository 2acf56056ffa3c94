'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const sdk = require('@vendgate/connect-platform');
const { serve, send, success, refusal, client, connection, email } = require('../support/server.js');

const pending = (more) => success(connection({ status: 'pending', ...more }));
const wait = (server, options) => client(server, { maxRetries: 0 }).waitForConnection(email, 'conn_1', { intervalMs: 10, ...options });
const inSeconds = (n) => new Date(Date.now() + n * 1000).toISOString();
const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
const gap = ({ requests }, i) => requests[i].at - requests[i - 1].at;

for (const status of ['active', 'rejected', 'expired', 'status_of_the_future']) {
  test(`a wait ends with ${status}`, async (t) => {
    const server = await serve(t, pending({ expires_at: inSeconds(60) }), pending(), success(connection({ status })));
    assert.deepEqual(await wait(server), connection({ status }));
    assert.equal(server.requests.length, 3);
    assert.ok(server.requests.every(({ method, url }) => method === 'GET' && url === '/platform/v1/connections/conn_1'));
  });
}

test('a wait asks at once, then every two seconds', async (t) => {
  const server = await serve(t, pending(), success(connection()));
  const begun = performance.now();
  await client(server).waitForConnection(email, 'conn_1');
  assert.ok(server.requests[0].at - begun < 1900, 'the first look came late');
  assert.ok(gap(server, 1) >= 1995 && gap(server, 1) < 3900, `paused ${gap(server, 1)} ms`);
});

test('a connection whose refresh link is open is not waited for: it works', async (t) => {
  const server = await serve(t, success(connection({ refresh_pending: true })));
  assert.equal((await wait(server)).refresh_pending, true);
  assert.equal(server.requests.length, 1);
});

/** Asserts that waiting rejects as a wait that took too long, after ms, and asks no more afterwards. */
async function tooLong(server, options, ms, message, slack = 5000) {
  const begun = performance.now();
  await assert.rejects(wait(server, options), (error) => {
    assert.deepEqual([error.constructor, error.name, error.code, error.status], [sdk.TimeoutError, 'TimeoutError', 'wait_timeout', undefined]);
    assert.match(error.message, message);
    return error instanceof sdk.PabblyConnectError;
  });
  const took = performance.now() - begun;
  assert.ok(took >= ms - 2 && took < ms + slack, `it took ${took} ms`);
  const asked = server.requests.length;
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.ok(server.requests.length <= asked + 1, 'it still asks'); // the one that was under way may still arrive
}

test('timeoutMs bounds the wait', async (t) => {
  const server = await serve(t, pending({ expires_at: inSeconds(3600) }));
  await tooLong(server, { timeoutMs: 1000 }, 1000, /still pending after 1000 ms/);
  assert.ok(server.requests.length > 3, 'it did not poll');
});

test('timeoutMs bounds a look that is not answered, too', async (t) => {
  await tooLong(await serve(t, () => {}), { timeoutMs: 700 }, 700, /700 ms/);
});

test('timeoutMs bounds the patience with 429', async (t) => {
  const server = await serve(t, refusal(429, 'rate_limited', { headers: { 'retry-after': '60' } }));
  await tooLong(server, { timeoutMs: 700 }, 700, /700 ms/);
  assert.equal(server.requests.length, 1);
});

test('a link that ended long ago ends the wait, whatever the server says', async (t) => {
  await tooLong(await serve(t, pending({ expires_at: inSeconds(-6) })), {}, 0, /link has ended/);
});

test('a link that just ended is still asked about, for the server to say so', async (t) => {
  const server = await serve(t, pending({ expires_at: inSeconds(-2) }), pending({ expires_at: inSeconds(-2) }), success(connection({ status: 'expired' })));
  assert.equal((await wait(server)).status, 'expired');
});

test('a link that ends during the wait ends it, but for the grace', async (t) => {
  await tooLong(await serve(t, pending({ expires_at: inSeconds(-4.8) })), {}, 150, /link has ended/); // the header Date has whole seconds
});

test('a wait that learns of no end lasts as long as a link can', async (t) => {
  const now = performance.now.bind(performance);
  let jump = 0;
  t.mock.method(performance, 'now', () => now() + jump);
  const later = (hours) => (res) => {
    jump = hours * 3600 * 1000;
    pending()(res);
  };
  const server = await serve(t, later(47.9), later(48.1));
  await assert.rejects(wait(server), { code: 'wait_timeout', message: /link has ended/ });
  assert.equal(server.requests.length, 2);
});

test('the end of the link is measured by the clock of the server, not of this machine', async (t) => {
  const at = (date, expires_at) => send(200, { status: 'success', message: '', data: connection({ status: 'pending', expires_at }) }, { date });
  const long = 'Mon, 01 Jan 2001 00:00:00 GMT';
  const server = await serve(t, at(long, '2001-01-01T01:00:00Z'), success(connection()));
  assert.equal((await wait(server)).status, 'active');
  await tooLong(await serve(t, at('Fri, 01 Jan 2100 00:00:00 GMT', '2099-01-01T00:00:00Z')), {}, 0, /link has ended/);
});

test('an end that is no time does not end the wait', async (t) => {
  const server = await serve(t, pending({ expires_at: 'soon' }), pending({ expires_at: null }), pending({ expires_at: {} }), success(connection()));
  assert.equal((await wait(server)).status, 'active');
});

test('a spent budget is waited out', async (t) => {
  const server = await serve(t, pending(), refusal(429, 'rate_limited', { headers: { 'retry-after': '1' } }), success(connection()));
  assert.equal((await wait(server)).status, 'active');
  assert.ok(gap(server, 2) >= 998, `asked again after ${gap(server, 2)} ms`);
});

test('a server that is away for a while is waited for, past the retries of one look', async (t) => {
  const away = refusal(503, 'upstream_unavailable');
  const server = await serve(t, pending(), away, away, away, away, success(connection()));
  assert.equal((await wait(server)).status, 'active');
  assert.equal(server.requests.length, 6);
});

test('a 503 with Retry-After is obeyed', async (t) => {
  const server = await serve(t, refusal(503, 'upstream_unavailable', { headers: { 'retry-after': '1' } }), success(connection()));
  await wait(server);
  assert.ok(gap(server, 1) >= 998, `asked again after ${gap(server, 1)} ms`);
});

for (const [name, answer, Class, code] of [
  ['a deleted connection', refusal(404, 'connection_deleted'), 'ConnectionDeletedError', 'connection_deleted'],
  ['a retired key', refusal(401, 'invalid_tenant_key'), 'InvalidTenantKeyError', 'invalid_tenant_key'],
  ['a defect of the server', refusal(500, 'internal_error'), 'VendgateError', 'internal_error'],
  ['a wrong server', send(404, '<h1>not found</h1>'), 'VendgateError', 'invalid_response'],
  ['a lost connection', (res) => res.destroy(), 'VendgateError', 'connection_failed'],
]) {
  test(`${name} ends the wait`, async (t) => {
    const server = await serve(t, pending(), answer, success(connection()));
    await assert.rejects(wait(server), (error) => error.constructor === sdk[Class] && error.code === code);
    assert.equal(server.requests.length, 2);
  });
}

test('a signal ends the wait between looks, with its reason', async (t) => {
  const reason = new Error('the user left');
  const stop = new AbortController();
  const server = await serve(t, (res) => {
    setTimeout(() => stop.abort(reason), 300);
    pending()(res);
  });
  const before = timers();
  await assert.rejects(wait(server, { intervalMs: 60_000, signal: stop.signal }), reason);
  assert.equal(server.requests.length, 1);
  assert.ok(timers() <= before, 'a timer is left');
});

test('a signal ends a look under way, with its reason', async (t) => {
  const stop = new AbortController();
  const server = await serve(t, () => stop.abort());
  await assert.rejects(wait(server, { signal: stop.signal }), { name: 'AbortError' });
});

test('a signal that was aborted before sends nothing', async (t) => {
  const server = await serve(t, pending());
  const promise = wait(server, { signal: AbortSignal.abort(new Error('too late')) });
  await assert.rejects(promise, { message: 'too late' });
  assert.equal(server.requests.length, 0);
});

test('a wait that is over leaves no listener on the signal and no timer', async (t) => {
  const server = await serve(t, pending(), pending(), success(connection()));
  const stop = new AbortController();
  let listeners = 0;
  const { addEventListener, removeEventListener } = stop.signal;
  stop.signal.addEventListener = (...args) => (listeners++, addEventListener.apply(stop.signal, args));
  stop.signal.removeEventListener = (...args) => (listeners--, removeEventListener.apply(stop.signal, args));
  const before = timers();
  await wait(server, { signal: stop.signal, timeoutMs: 1_000_000 });
  assert.equal(listeners, 0);
  assert.ok(timers() <= before, 'a timer is left');
});

test('a long wait does not pile up listeners', async (t) => {
  const warnings = [];
  const warned = (warning) => warnings.push(warning);
  process.on('warning', warned);
  t.after(() => process.off('warning', warned));
  const server = await serve(t, ...Array(40).fill(pending()), success(connection()));
  await wait(server, { intervalMs: 1, signal: new AbortController().signal });
  await new Promise(setImmediate);
  assert.deepEqual(warnings, []);
});
