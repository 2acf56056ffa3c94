'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const { inspect } = require('node:util');
const sdk = require('@vendgate/connect-platform');
const { serve, send, success, refusal, client, connection, key, email } = require('../support/server.js');

const canary = 'ya29.CanaryCredential0123456789';

/** What every way of showing an error shows. */
const shown = (error) => [inspect(error, { showHidden: true, depth: null }), error.message, error.stack, JSON.stringify(error), String(error)].join('\n');

/** Calls once against one answer and returns what the call rejects with. */
async function caught(t, answer, call = (c) => c.getConnection(email, 'conn_1')) {
  const server = await serve(t, answer);
  let error;
  await assert.rejects(call(client(server, { maxRetries: 0 })), (e) => ((error = e), true));
  assert.equal(server.requests.length, 1);
  assert.ok(error instanceof sdk.VendgateError, 'every error is a VendgateError');
  assert.ok(!shown(error).includes(key), 'the key is shown');
  return error;
}

const getToken = (c) => c.getToken(email, 'conn_1');

for (const [status, code, name] of [
  [400, 'invalid_user_email', 'InvalidUserEmailError'],
  [400, 'invalid_request', 'InvalidRequestError'],
  [401, 'invalid_tenant_key', 'InvalidTenantKeyError'],
  [401, 'needs_reconnection', 'NeedsReconnectionError'],
  [403, 'capability_disabled', 'CapabilityDisabledError'],
  [403, 'policy_denied', 'PolicyDeniedError'],
  [404, 'connection_deleted', 'ConnectionDeletedError'],
  [404, 'unknown_app', 'UnknownAppError'],
  [409, 'connection_in_use', 'ConnectionInUseError'],
  [409, 'connection_not_active', 'ConnectionNotActiveError'],
  [413, 'request_too_large', 'RequestTooLargeError'],
  [503, 'upstream_unavailable', 'UpstreamUnavailableError'],
  [500, 'internal_error', 'VendgateError'],
  [418, 'code_of_the_future', 'VendgateError'],
]) {
  test(`${status} ${code} is ${name}`, async (t) => {
    const error = await caught(t, refusal(status, code, { message: 'what happened', origin: 'gateway' }));
    assert.equal(error.constructor, sdk[name]);
    assert.equal(error.name, name);
    assert.equal(error.message, 'what happened');
    const { status: s, code: c, response, retryAfter } = error;
    assert.deepEqual({ s, c, response, retryAfter }, {
      s: status,
      c: code,
      response: { status: 'error', message: 'what happened', data: { code, origin: 'gateway' } },
      retryAfter: undefined,
    });
    assert.match(error.stack, new RegExp(`^${name}: what happened`));
  });
}

test('429 is RateLimitedError with the seconds to wait, however the server says them', async (t) => {
  const soon = new Date(Date.now() + 90_000).toUTCString();
  for (const [value, least, most] of [
    ['7', 7, 7],
    [' 60 ', 60, 60],
    [soon, 88, 91],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 1, 1],
    ['0', 1, 1],
    ['-5', 1, 1],
    ['999999999999999999999', 86400, 86400],
    ['soon', 1, 1],
    ['', 1, 1],
    [undefined, 1, 1],
  ]) {
    const error = await caught(t, refusal(429, 'rate_limited', { headers: value === undefined ? {} : { 'retry-after': value } }));
    assert.equal(error.constructor, sdk.RateLimitedError);
    assert.equal(error.code, 'rate_limited');
    assert.ok(error.retryAfter >= least && error.retryAfter <= most, `${value} became ${error.retryAfter}`);
  }
});

test('503 carries Retry-After if the server sent one, and other errors never do', async (t) => {
  assert.equal((await caught(t, refusal(503, 'upstream_unavailable', { headers: { 'retry-after': '9' } }))).retryAfter, 9);
  assert.equal((await caught(t, refusal(500, 'internal_error', { headers: { 'retry-after': '9' } }))).retryAfter, undefined);
});

test('429 and 503 of a proxy that knows no codes are what they are', async (t) => {
  const limited = await caught(t, send(429, '<h1>slow down</h1>', { 'content-type': 'text/html', 'retry-after': '3' }));
  assert.deepEqual([limited.constructor, limited.code, limited.retryAfter, limited.response], [sdk.RateLimitedError, 'rate_limited', 3, undefined]);
  const unavailable = await caught(t, send(503, 'no backend', { 'content-type': 'text/plain' }));
  assert.deepEqual([unavailable.constructor, unavailable.code, unavailable.response], [sdk.UpstreamUnavailableError, 'upstream_unavailable', undefined]);
  const other = await caught(t, refusal(429, 'quota_exceeded'));
  assert.deepEqual([other.constructor, other.code, other.response.data.code], [sdk.RateLimitedError, 'rate_limited', 'quota_exceeded']);
});

test('what is no answer of the API is invalid_response, never a deleted connection or a revoked grant', async (t) => {
  const html = { 'content-type': 'text/html' };
  for (const [name, answer] of [
    ['a 404 page', send(404, '<h1>not found</h1>', html)],
    ['a 401 of a proxy', send(401, '{"error":"unauthorized"}')],
    ['a 502 page', send(502, '<h1>bad gateway</h1>', html)],
    ['an error without a code', send(404, { status: 'error', message: 'no', data: null })],
    ['an error with a code that is no text', send(404, { status: 'error', message: 'no', data: { code: ['connection_deleted'] } })],
    ['an error that calls itself a success', send(404, { status: 'success', message: 'no', data: { code: 'connection_deleted' } })],
    ['a success that calls itself an error', send(200, { status: 'error', message: 'no', data: { code: 'connection_deleted', status: 'active' } })],
    ['a page with status 200', send(200, '<h1>welcome</h1>', html)],
    ['nothing at all', send(200, '')],
    ['204', (res) => res.writeHead(204).end()],
    ['a JSON text', send(200, '"success"')],
    ['a JSON null', send(200, 'null')],
    ['a JSON list', send(200, '[]')],
    ['half a JSON object', send(200, '{"status":"success","message":"done","data":{"status":"active"')],
    ['data that is null', success(null)],
    ['data that is a list', success([{ status: 'active' }])],
    ['data that is a text', success('active')],
    ['a connection without a status', success({ id: 'conn_1' })],
    ['a connection whose status is no text', success({ id: 'conn_1', status: 1 })],
    ['no envelope around the data', send(200, connection())],
  ]) {
    const error = await caught(t, answer);
    assert.deepEqual([error.constructor, error.code, error.response], [sdk.VendgateError, 'invalid_response', undefined], name);
    assert.ok(Number.isInteger(error.status) && error.message.includes(String(error.status)), name);
  }
});

test('each method checks that its answer has what callers rely on', async (t) => {
  for (const [call, data] of [
    [(c) => c.listApps(), { apps: {} }],
    [(c) => c.getApp('gmail'), { slug: 'gmail' }],
    [(c) => c.createRequestLink(email, { appId: 'gmail' }), { connection_id: 'conn_1', request_token: 'rt' }],
    [(c) => c.createRefreshLink(email, 'conn_1'), { request_link: 'https://v', request_token: 'rt' }],
    [(c) => c.listConnections(email), { connections: null }],
    [(c) => c.waitForConnection(email, 'conn_1'), { status: '' }],
    [getToken, { access_token: 'x', token_type: 'Bearer' }],
    [getToken, { auth_type: 'o_auth', access_token: '' }],
    [getToken, { auth_type: 'api_key', fields: ['x'] }],
    [(c) => c.deleteConnection(email, 'conn_1'), { deleted: false }],
    [(c) => c.hold(email, 'conn_1', 'zap'), { created_at: 'now' }],
    [(c) => c.release(email, 'conn_1', 'zap'), {}],
  ]) {
    assert.equal((await caught(t, success(data), call)).code, 'invalid_response', `${call}`);
  }
});

test('an answer without end is not read to its end', async (t) => {
  let written = 0;
  const error = await caught(t, (res) => {
    res.writeHead(200, { 'content-type': 'application/json' });
    const chunk = Buffer.alloc(64 << 10, ' ');
    const more = () => {
      while (!res.destroyed && res.write(chunk)) written += chunk.length;
    };
    res.on('drain', more);
    more();
  });
  assert.equal(error.code, 'invalid_response');
  assert.match(error.message, /more than 4194304 bytes/);
  assert.ok(written < 32 << 20, `${written} bytes were taken`);
});

test('a server that quotes the key does not get it into the error', async (t) => {
  const error = await caught(t, (res, req) => refusal(400, 'invalid_request', { message: `bad header ${req.headers.authorization}`, seen: req.headers.authorization })(res));
  assert.equal(error.message, 'bad header Bearer [tenant key]');
  assert.equal(error.response.data.seen, 'Bearer [tenant key]');
});

test('no error of a token call shows what the server sent, however it sent it', async (t) => {
  const vended = { access_token: canary, token_type: 'Bearer', expires_in: 1, auth_type: 'o_auth' };
  for (const [name, answer] of [
    ['data without an auth_type', success({ access_token: canary })],
    ['no envelope', send(200, vended)],
    ['no JSON', send(200, `${canary} {`)],
    ['half a JSON object', send(200, JSON.stringify({ status: 'success', message: 'x', data: vended }).slice(0, -1))],
    ['a wrong status', send(500, { status: 'success', message: canary, data: vended })],
    ['a page', send(502, `<h1>${canary}</h1>`)],
    ['a message that is no text', send(500, { status: 'error', message: { canary }, data: { code: 'internal_error' } })],
    ['beside the code', refusal(500, 'internal_error', { ...vended, origin: { canary }, upstream: { body: canary } })],
    ['beside the code of a 429', refusal(429, 'rate_limited', vended)],
    ['beside the code of a 503', refusal(503, 'upstream_unavailable', vended)],
  ]) {
    assert.ok(!shown(await caught(t, answer, getToken)).includes('CanaryCredential'), name);
  }
});

test('a token call’s error keeps the documented parts of the answer', async (t) => {
  const error = await caught(t, refusal(401, 'needs_reconnection', { message: 'again', origin: 'upstream', upstream: { status: 401, body: 'x' } }), getToken);
  assert.deepEqual(error.response, { status: 'error', message: 'again', data: { code: 'needs_reconnection', origin: 'upstream' } });
});

test('errors can be made by whoever tests a program that uses the SDK', () => {
  const limited = new sdk.RateLimitedError('slow down', { retryAfter: 5 });
  assert.deepEqual([limited.status, limited.code, limited.retryAfter, limited.response], [429, 'rate_limited', 5, undefined]);
  assert.equal(new sdk.RateLimitedError('slow down').retryAfter, 1);
  const gone = new sdk.ConnectionDeletedError('gone', { cause: limited });
  assert.deepEqual([gone.status, gone.code, gone.cause, gone instanceof sdk.PabblyConnectError, gone instanceof Error], [404, 'connection_deleted', limited, true, true]);
  assert.ok(!Object.hasOwn(new sdk.VendgateError('x'), 'cause'));
});
