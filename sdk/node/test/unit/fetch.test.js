'use strict';

const { test } = require('node:test');
const assert = require('node:assert/strict');
const http = require('node:http');
const { ReadableStream } = require('node:stream/web');
const { vendgateFetch, VendgateError } = require('@vendgate/connect-platform');
const { startGateway, key, hosts } = require('../support/gateway.js');
const { listen } = require('../support/server.js');

const refused = (reason, message = /./) => (error) => {
  assert.ok(error instanceof VendgateError, String(error.stack));
  assert.deepEqual([error.code, error.reason], ['url_refused', reason], error.message);
  assert.match(error.message, message);
  assert.ok(!error.message.includes(key));
  return true;
};
const payload = JSON.stringify({ text: 'Größe? 🐘' });

test('fetch: each form of a request arrives, with the key in place of the placeholder', async (t) => {
  const gateway = await startGateway(t);
  const fetch = vendgateFetch({ ...gateway.options, email: 'alice@example.com', errors: 'passthrough' });
  const url = 'https://api.acme.example/v1/a%2fb?x=%7E&y';
  const post = { method: 'POST', body: payload, headers: { authorization: 'Bearer placeholder', 'X-Vendgate-Key': 'k', 'x-user-email': 'bob@example.com', 'x-trace': '7', 'content-type': 'application/json', host: 'api.acme.example' } };
  const bytes = new TextEncoder().encode(payload);
  const forms = {
    'a string': () => fetch(url, post),
    'a URL': () => fetch(new URL(url), { ...post, headers: Object.entries(post.headers) }),
    'a Request': () => fetch(new Request(url, post)),
    'a Request and more': () => fetch(new Request(url, { ...post, method: 'PUT', body: 'other' }), { method: 'POST', body: bytes }),
    'Headers': () => fetch(url, { ...post, headers: new Headers(post.headers) }),
  };
  for (const [name, send] of Object.entries(forms)) {
    const response = await send();
    const got = await response.json();
    assert.equal(got.line, 'POST /proxy/conn_1/acme/a%2fb?x=%7E&y', name);
    assert.equal(got.body, payload, name);
    assert.deepEqual(
      ['host', 'authorization', 'x-vendgate-key', 'x-user-email', 'vendgate-errors', 'x-trace', 'content-type', 'content-length'].map((header) => got.headers[header]),
      [new URL(gateway.url).host, `Bearer ${key}`, undefined, 'alice@example.com', 'passthrough', '7', 'application/json', String(Buffer.byteLength(payload))],
      name,
    );
  }
  assert.deepEqual(gateway.asked, ['GET /platform/v1/apps/acme'], 'hosts are learned once');
});

test('fetch: what the caller chooses for one call stays, where the options say nothing of it', async (t) => {
  const gateway = await startGateway(t);
  const response = await vendgateFetch(gateway.options)('https://files.acme.example/x', { headers: { 'x-user-email': 'bob@example.com', 'vendgate-errors': 'passthrough' } });
  const { line, headers } = await response.json();
  assert.deepEqual([line, headers['x-user-email'], headers['vendgate-errors']], ['GET /proxy/conn_1/acme/~files.acme.example/x', 'bob@example.com', 'passthrough']);
});

test('fetch: a body streams, from a stream and from a Request', async (t) => {
  const seen = [];
  let arrived;
  const server = http.createServer((req, res) => {
    req.on('data', (chunk) => {
      seen.push(String(chunk));
      arrived?.();
    });
    req.on('end', () => res.end(seen.join('')));
  });
  const url = await listen(t, server, () => server.closeAllConnections());
  const fetch = vendgateFetch({ baseUrl: url, apiKey: key, connection: 'conn_1', app: 'acme', hosts });
  const stream = () => new ReadableStream({
    async start(controller) {
      for (const word of ['one ', 'two ', 'three']) {
        const there = new Promise((resolve) => (arrived = resolve));
        controller.enqueue(new TextEncoder().encode(word));
        await there; // the next word follows only once the one before has arrived
      }
      controller.close();
    },
  });
  const target = 'https://api.acme.example/v1/upload';
  for (const send of [() => fetch(target, { method: 'POST', body: stream(), duplex: 'half' }), () => fetch(new Request(target, { method: 'POST', body: stream(), duplex: 'half' }))]) {
    seen.length = 0;
    assert.equal(await (await send()).text(), 'one two three');
  }
});

test('fetch: an answer streams, and an abort ends it', async (t) => {
  let gone;
  const server = http.createServer((_, res) => {
    res.write('first');
    gone = new Promise((resolve) => res.on('close', resolve));
  });
  const url = await listen(t, server, () => server.closeAllConnections());
  const fetch = vendgateFetch({ baseUrl: url, apiKey: key, connection: 'conn_1', app: 'acme', hosts });
  for (const call of [(signal) => fetch('https://api.acme.example/v1/x', { signal }), (signal) => fetch(new Request('https://api.acme.example/v1/x', { signal }))]) {
    const stop = new AbortController();
    const reader = (await call(stop.signal)).body.getReader();
    assert.equal(new TextDecoder().decode((await reader.read()).value), 'first');
    stop.abort();
    await assert.rejects(reader.read(), { name: 'AbortError' });
    await gone;
  }
});

test('fetch: another host, plain http and another port get nothing', async (t) => {
  const gateway = await startGateway(t);
  const fetch = vendgateFetch(gateway.options);
  for (const url of ['https://evil.example/v1/x', 'http://api.acme.example/v1/x', 'https://api.acme.example:8443/v1/x', 'https://api.acme.example.evil.example/v1']) {
    await assert.rejects(fetch(url), refused('host', new RegExp(new URL(url).host.replaceAll('.', '\\.'))));
    await assert.rejects(fetch(new Request(url)), refused('host'));
  }
  await assert.rejects(fetch('https://api.acme.example/other'), refused('path'));
  await assert.rejects(fetch(`${gateway.url}/platform/v1/apps`), refused('gateway'));
  await assert.rejects(fetch('/v1/x'), refused('url'));
  assert.deepEqual(gateway.requests, []);
});

test('fetch: redirects within the app are followed, as fetch does', async (t) => {
  const rows = [
    [301, 'POST', 'GET', ''], [302, 'POST', 'GET', ''], [303, 'PUT', 'GET', ''], [307, 'POST', 'POST', payload], [308, 'PUT', 'PUT', payload], [301, 'PUT', 'PUT', payload], [303, 'HEAD', 'HEAD', ''],
  ];
  for (const [status, method, then, body] of rows) {
    const gateway = await startGateway(t, (_, n) => (n === 1 ? { status, headers: { location: '/proxy/conn_1/acme/next?page=2' } } : undefined));
    const fetch = vendgateFetch(gateway.options);
    const response = await fetch('https://api.acme.example/v1/x', { method, headers: { 'x-api-key': 'placeholder' }, ...(method === 'HEAD' ? {} : { body: payload }) });
    assert.equal(response.redirected, true);
    const [, got] = gateway.requests;
    assert.deepEqual([got.line, got.body], [`${then} /proxy/conn_1/acme/next?page=2`, body], `${status} ${method}`);
    assert.deepEqual([got.headers.authorization, got.headers['x-api-key'], got.headers['content-type'] !== undefined], [`Bearer ${key}`, 'placeholder', body !== '']);
  }
  const gateway = await startGateway(t, (_, n) => (n === 1 ? { status: 302, headers: { location: 'https://files.acme.example/y' } } : undefined));
  await vendgateFetch(gateway.options)('https://api.acme.example/v1/x');
  assert.deepEqual(gateway.lines(), ['GET /proxy/conn_1/acme/x', 'GET /proxy/conn_1/acme/~files.acme.example/y']);
});

test('fetch: redirects to another host are refused, and nothing goes there', async (t) => {
  const elsewhere = await startGateway(t);
  const place = elsewhere.url.replace('127.0.0.1', 'localhost');
  for (const status of [301, 302, 303, 307, 308]) {
    const gateway = await startGateway(t, () => ({ status, headers: { location: `${place}/proxy/conn_1/acme/steal` } }));
    const fetch = vendgateFetch({ ...gateway.options, email: 'alice@example.com' });
    await assert.rejects(fetch('https://api.acme.example/v1/x', { method: 'POST', body: 'x' }), refused('host', new RegExp(`redirect.*${new URL(place).host}`)));
    await assert.rejects(fetch(new Request('https://api.acme.example/v1/x', { redirect: 'error' })), refused('redirect'));
    const kept = await fetch('https://api.acme.example/v1/x', { redirect: 'manual' });
    assert.deepEqual([kept.status, kept.headers.get('location')], [status, `${place}/proxy/conn_1/acme/steal`]);
  }
  const other = await startGateway(t, () => ({ status: 302, headers: { location: '/proxy/conn_2/acme/x' } }));
  await assert.rejects(vendgateFetch(other.options)('https://api.acme.example/v1/x'), refused('gateway'));
  const loop = await startGateway(t, () => ({ status: 302, headers: { location: '/proxy/conn_1/acme/x' } }));
  await assert.rejects(vendgateFetch(loop.options)('https://api.acme.example/v1/x'), refused('redirect'));
  assert.equal(loop.requests.length, 21);
  const again = await startGateway(t, () => ({ status: 307, headers: { location: '/proxy/conn_1/acme/y' } }));
  const body = new ReadableStream({ start: (controller) => controller.close() });
  await assert.rejects(vendgateFetch(again.options)('https://api.acme.example/v1/x', { method: 'POST', body, duplex: 'half' }), refused('redirect', /stream/));
  assert.deepEqual(elsewhere.requests, []);
});

test('fetch: concurrent calls learn the hosts once, and one that is aborted leaves the others alone', async (t) => {
  let tell;
  const waiting = new Promise((resolve) => (tell = resolve));
  let asked;
  const began = new Promise((resolve) => (asked = resolve));
  const gateway = await startGateway(t, undefined, async () => {
    asked();
    await waiting;
    return [200, { id: 'acme', hosts }];
  });
  const fetch = vendgateFetch(gateway.options);
  const stop = new AbortController();
  const calls = Array.from({ length: 20 }, () => fetch('https://api.acme.example/v1/x'));
  const aborted = fetch('https://api.acme.example/v1/x', { signal: stop.signal });
  await began;
  stop.abort();
  await assert.rejects(aborted, { name: 'AbortError' });
  tell();
  for (const response of await Promise.all(calls)) assert.equal(response.status, 200);
  assert.equal(gateway.asked.length, 1);
});

test('fetch: hosts that could not be learned are asked for again by the next call', async (t) => {
  const answers = [[401, { code: 'invalid_tenant_key' }], [403, { code: 'capability_disabled' }], [404, { code: 'unknown_app' }], [404, { code: 'not_found' }], [200, { id: 'acme' }], [200, { id: 'acme', hosts }]];
  const gateway = await startGateway(t, undefined, () => answers.shift());
  const fetch = vendgateFetch(gateway.options);
  const call = () => fetch('https://api.acme.example/v1/x');
  await assert.rejects(call(), (error) => error.code === 'invalid_tenant_key' && error.status === 401);
  await assert.rejects(call(), (error) => error.code === 'capability_disabled' && /pass hosts/.test(error.message));
  await assert.rejects(call(), (error) => error.code === 'unknown_app' && /caller key must be one that may call it/.test(error.message));
  await assert.rejects(call(), (error) => error.code === 'not_found' && /without the Platform API.*pass hosts/.test(error.message));
  await assert.rejects(call(), (error) => error.code === 'invalid_response' && /update it, or pass hosts/.test(error.message));
  assert.equal((await call()).status, 200);
  assert.equal(gateway.requests.length, 1);
});

test('fetch: where hosts depend on the connection, its fields are learned as well', async (t) => {
  const zendesk = [{ host: '{subdomain}.zendesk.com', base_path: '', path: '', slots: { subdomain: { kind: 'label' } } }];
  const tell = (connection) => (req) => (req.url.includes('/apps/') ? [200, { id: 'acme', hosts: zendesk }] : connection);
  const known = await startGateway(t, undefined, tell([200, { id: 'conn_1', status: 'active', fields: { subdomain: 'acme' } }]));
  const fetch = vendgateFetch({ ...known.options, email: 'alice@example.com' });
  assert.equal((await fetch('https://acme.zendesk.com/x')).status, 200);
  await assert.rejects(fetch('https://other.zendesk.com/x'), refused('account', /other\.zendesk\.com/));
  assert.deepEqual(known.asked, ['GET /platform/v1/apps/acme', 'GET /platform/v1/connections/conn_1']);
  for (const [status, code] of [[403, 'capability_disabled'], [404, 'connection_deleted']]) {
    const hidden = await startGateway(t, undefined, tell([status, { code }]));
    assert.equal((await vendgateFetch({ ...hidden.options, email: 'alice@example.com' })('https://other.zendesk.com/x')).status, 200);
  }
  const given = await startGateway(t);
  const own = vendgateFetch({ ...given.options, hosts: zendesk, fields: { subdomain: 'acme' } });
  assert.equal((await own('https://acme.zendesk.com/x')).status, 200);
  await assert.rejects(own('https://other.zendesk.com/x'), refused('account'));
  assert.deepEqual(given.asked, []);
});

test('fetch: options that can be no gateway, connection or app throw at once', () => {
  const options = { baseUrl: 'https://gw.example', apiKey: key, connection: 'conn_1', app: 'acme' };
  for (const wrong of [{ baseUrl: 'http://gw.example' }, { apiKey: 'a b' }, { connection: '' }, { connection: '..' }, { app: undefined }, { app: '.' }, { email: 'a\nb' }, { hosts: [] }, { hosts: {} }, { errors: 'mapped' }, { fetch: 7 }]) {
    assert.throws(() => vendgateFetch({ ...options, ...wrong }), TypeError, JSON.stringify(wrong));
  }
  assert.throws(() => vendgateFetch(), TypeError);
});

test('fetch: the given fetch carries the calls and the question for hosts', async (t) => {
  const gateway = await startGateway(t);
  const seen = [];
  const fetch = vendgateFetch({ ...gateway.options, fetch: (url, init) => seen.push([url, init.redirect]) && globalThis.fetch(url, init) });
  await fetch('https://api.acme.example/v1/x');
  assert.deepEqual(seen, [[`${gateway.url}/platform/v1/apps/acme`, 'manual'], [`${gateway.url}/proxy/conn_1/acme/x`, 'manual']]);
});

test('fetch: a gateway that is down is said to be, in the message too', async () => {
  const server = http.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const gateway = `http://127.0.0.1:${server.address().port}`;
  await new Promise((resolve) => server.close(resolve));
  const options = { baseUrl: gateway, apiKey: key, connection: 'conn_1', app: 'acme' };
  const down = (code) => (error) => {
    assert.match(error.message, new RegExp(`the connection to ${gateway} failed: ECONNREFUSED$`));
    assert.equal(error.cause.code, code);
    return true;
  };
  await assert.rejects(vendgateFetch({ ...options, hosts })('https://api.acme.example/v1/me'), down('ECONNREFUSED'));
  await assert.rejects(vendgateFetch(options)('https://api.acme.example/v1/me'), down('connection_failed'));
});
