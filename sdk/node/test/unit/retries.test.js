'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const net = require('node:net');
const { once } = require('node:events');
const sdk = require('@vendgate/connect-platform');
const { backoff } = require('../../lib/pause.js');
const { serve, send, success, refusal, client, connection, email } = require('../support/server.js');

const unavailable = (headers) => refusal(503, 'upstream_unavailable', { headers });
const link = { connection_id: 'conn_1', request_token: 'rt', request_link: 'https://v.example.com/connect/rt' };
const get = (c) => c.getConnection(email, 'conn_1');
const create = (c) => c.createRequestLink(email, { appId: 'openai', name: 'Work' });

/** The pauses between the requests that a server got, in milliseconds. */
const pauses = ({ requests }) => requests.slice(1).map(({ at }, i) => at - requests[i].at);

/** What timers and a busy machine may add, in milliseconds. */
const slack = 1500;

function within(pause, least, most) {
  assert.ok(pause >= least - 2 && pause <= most + slack, `paused ${pause} ms, not ${least} to ${most}`);
}

test('503 is tried twice more, each time after a longer pause', async (t) => {
  const server = await serve(t, unavailable());
  await assert.rejects(get(client(server)), sdk.UpstreamUnavailableError);
  const [first, second, ...more] = pauses(server);
  assert.equal(more.length, 0);
  within(first, 250, 500);
  within(second, 500, 1000);
});

test('a retry that succeeds is all that the caller sees', async (t) => {
  const server = await serve(t, unavailable(), send(503, 'no backend'), success(connection()));
  assert.deepEqual(await get(client(server)), connection());
  assert.equal(server.requests.length, 3);
});

test('a POST that was answered 503 is sent again, the same', async (t) => {
  const server = await serve(t, unavailable(), success(link, 201));
  assert.deepEqual(await create(client(server)), link);
  const [first, second] = server.requests.map(({ method, url, body, rawHeaders }) => ({ method, url, body, rawHeaders }));
  assert.deepEqual(second, first);
});

test('another error after a 503 ends the retries', async (t) => {
  const server = await serve(t, unavailable(), refusal(401, 'needs_reconnection'), success(connection()));
  await assert.rejects(get(client(server)), sdk.NeedsReconnectionError);
  assert.equal(server.requests.length, 2);
});

test('maxRetries says how often', async (t) => {
  for (const maxRetries of [0, 1]) {
    const server = await serve(t, unavailable());
    await assert.rejects(get(client(server, { maxRetries })), sdk.UpstreamUnavailableError);
    assert.equal(server.requests.length, 1 + maxRetries);
  }
});

test('a retry never comes before Retry-After', async (t) => {
  const server = await serve(t, unavailable({ 'retry-after': '1' }), success(connection()));
  await get(client(server));
  within(pauses(server)[0], 1000, 1250);
});

test('a 503 that asks for more patience than half a minute is not tried again', async (t) => {
  const server = await serve(t, unavailable({ 'retry-after': '31' }));
  await assert.rejects(get(client(server)), { code: 'upstream_unavailable', retryAfter: 31 });
  assert.equal(server.requests.length, 1);
});

test('nothing else is tried again', async (t) => {
  for (const answer of [
    refusal(400, 'invalid_request'),
    refusal(401, 'needs_reconnection'),
    refusal(403, 'capability_disabled'),
    refusal(404, 'connection_deleted'),
    refusal(409, 'connection_in_use'),
    refusal(429, 'rate_limited', { headers: { 'retry-after': '1' } }),
    refusal(500, 'internal_error'),
    refusal(500, 'upstream_unavailable'),
    send(502, 'bad gateway'),
    send(504, 'gateway timeout'),
    send(200, 'not json'),
    send(302, '', { location: '/elsewhere' }),
    (res) => res.destroy(),
  ]) {
    for (const call of [get, create]) {
      const server = await serve(t, answer, success(connection(link)));
      await assert.rejects(call(client(server)), sdk.VendgateError);
      await new Promise((resolve) => setTimeout(resolve, 20)); // a retry without a pause would have come
      assert.equal(server.requests.length, 1, `${answer}`);
    }
  }
});

test('a kept connection that dies under a POST is not followed by a second POST', async (t) => {
  const server = await serve(t, success(connection()), (res) => res.destroy());
  const c = client(server);
  await get(c);
  await assert.rejects(create(c), { code: 'connection_failed' });
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(server.requests.map(({ method }) => method), ['GET', 'POST']);
});

test('a server that is down is said to be, at once', async () => {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${server.address().port}`;
  server.close();
  await once(server, 'close');
  const begun = performance.now();
  for (const call of [get, create]) {
    await assert.rejects(call(client({ url }, { maxRetries: 10 })), (error) => {
      assert.deepEqual([error.constructor, error.code, error.status, error.response], [sdk.VendgateError, 'connection_failed', undefined, undefined]);
      assert.equal(error.cause.code, 'ECONNREFUSED');
      assert.equal(error.message, `the connection to ${url} failed: ECONNREFUSED`);
      return true;
    });
  }
  assert.ok(performance.now() - begun < 5000, 'it paused' /* ten pauses take half a minute */);
});

test('of a host with several addresses it is said, too', async () => {
  const refused = ['::1', '127.0.0.1'].map((address) => Object.assign(new Error(`connect ${address}`), { code: 'ECONNREFUSED' }));
  const fetch = () => Promise.reject(new TypeError('fetch failed', { cause: new AggregateError(refused) }));
  await assert.rejects(get(client({ url: 'http://localhost:8080' }, { fetch })), (error) => {
    assert.deepEqual([error.code, error.cause.code], ['connection_failed', 'ECONNREFUSED']);
    assert.equal(error.message, 'the connection to http://localhost:8080 failed: ECONNREFUSED');
    return true;
  });
});

test('a host that does not exist is said not to', async () => {
  await assert.rejects(get(client({ url: 'https://vendgate.invalid' })), (error) => error.code === 'connection_failed' && /^E(NOTFOUND|AI_AGAIN)$/.test(error.cause.code));
});

test('pauses double up to eight seconds, are random in their upper half, and respect Retry-After', () => {
  for (const [attempt, retryAfter, least, most] of [
    [0, undefined, 250, 500],
    [1, undefined, 500, 1000],
    [3, undefined, 2000, 4000],
    [4, undefined, 4000, 8000],
    [9, undefined, 4000, 8000],
    [0, 1, 1000, 1250],
    [1, 20, 20000, 20500],
  ]) {
    assert.equal(backoff(attempt, retryAfter, 0), least);
    assert.equal(backoff(attempt, retryAfter, 1), most);
    const many = Array.from({ length: 100 }, () => backoff(attempt, retryAfter));
    assert.ok(many.every((pause) => pause >= least && pause <= most));
    assert.ok(new Set(many).size > 50, 'pauses do not differ');
  }
});
