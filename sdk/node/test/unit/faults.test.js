'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const { inspect } = require('node:util');
const zlib = require('node:zlib');
const sdk = require('@vendgate/connect-platform');
const { serve, serveBytes, send, success, client, connection, key, email } = require('../support/server.js');

const canary = 'ya29.CanaryCredential0123456789';
const vended = JSON.stringify({ status: 'success', message: 'vended', data: { access_token: canary, token_type: 'Bearer', expires_in: 1, auth_type: 'o_auth' } });
const getToken = (c) => c.getToken(email, 'conn_1');

/** What a busy machine may add, in milliseconds; far below what a time-out that does not work would take. */
const slack = 5000;

/** Asserts that a call rejects with a TimeoutError after about ms. */
async function timesOut(c, ms) {
  const begun = performance.now();
  await assert.rejects(getToken(c), (error) => {
    assert.deepEqual([error.constructor, error.code, error.status], [sdk.TimeoutError, 'timeout', undefined]);
    assert.match(error.message, new RegExp(`${ms} ms`));
    return error instanceof sdk.VendgateError;
  });
  const took = performance.now() - begun;
  assert.ok(took >= ms - 2 && took < ms + slack, `it took ${took} ms`);
}

test('a server that does not answer is left after the time-out, and not asked again', async (t) => {
  const server = await serve(t, () => {});
  await timesOut(client(server, { timeoutMs: 600 }), 600);
  assert.equal(server.requests.length, 1);
});

test('the time-out covers the body, however slowly it drips', async (t) => {
  let drip;
  t.after(() => clearInterval(drip));
  const server = await serve(t, (res) => {
    res.writeHead(200, { 'content-type': 'application/json' });
    res.write(vended.slice(0, -1));
    drip = setInterval(() => res.write(' '), 10);
  });
  await timesOut(client(server, { timeoutMs: 600 }), 600);
});

test('the connection of a call that timed out is closed', async (t) => {
  let closed;
  const done = new Promise((resolve) => (closed = resolve));
  const server = await serve(t, (res) => res.on('close', closed));
  await timesOut(client(server, { timeoutMs: 600 }), 600);
  await done;
});

test('each attempt has the whole time-out', async (t) => {
  const slow = (answer) => (res) => setTimeout(() => answer(res), 700);
  const server = await serve(t, slow(send(503, '')), slow(success(connection())));
  assert.equal((await client(server, { timeoutMs: 1300 }).getConnection(email, 'conn_1')).status, 'active');
});

test('a call that is done leaves no timer that keeps the process', async (t) => {
  const server = await serve(t, success(connection()));
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  const before = timers();
  await client(server, { timeoutMs: 2 ** 31 - 1 }).getConnection(email, 'conn_1');
  assert.ok(timers() <= before, 'a timer is left');
});

for (const [name, head, body] of [
  ['a body shorter than its Content-Length', `content-length: ${vended.length + 10}`, vended],
  ['a chunked body without an end', 'transfer-encoding: chunked', `${vended.length.toString(16)}\r\n${vended}\r\n`],
  ['a chunked body with garbage for a size', 'transfer-encoding: chunked', `${vended.length.toString(16)}\r\n${vended}\r\n${canary}\r\n`],
  ['a body that says it is gzip', `content-encoding: gzip\r\ncontent-length: ${vended.length}`, vended],
]) {
  test(`${name} is invalid_response, and shows nothing of it`, async (t) => {
    const server = await serveBytes(t, `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n${head}\r\n\r\n${body}`);
    await assertHidden(server, 'invalid_response', 200);
  });
}

for (const [name, bytes] of [
  ['no HTTP', `${canary}\r\n\r\n`],
  ['a broken header', `HTTP/1.1 200 OK\r\nx-token: ${canary}\0\r\n\r\n`],
  ['half a header', `HTTP/1.1 200 OK\r\nx-token: ${canary}`],
  ['nothing', ''],
]) {
  test(`${name} is connection_failed, and shows nothing of it`, async (t) => {
    await assertHidden(await serveBytes(t, bytes), 'connection_failed', undefined);
  });
}

async function assertHidden(server, code, status) {
  await assert.rejects(getToken(client(server)), (error) => {
    assert.deepEqual([error.constructor, error.code, error.status, error.response], [sdk.VendgateError, code, status, undefined]);
    const shown = inspect(error, { showHidden: true, depth: null }) + error.stack + JSON.stringify(error);
    assert.ok(!shown.includes('CanaryCredential') && !shown.includes(key), 'a secret is shown');
    return true;
  });
  assert.equal(server.requests.length, 1);
}

test('a compressed answer is read, and bounded after decompression', async (t) => {
  const gzip = (body) => (res) => {
    res.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
    res.end(zlib.gzipSync(body));
  };
  const good = await serve(t, gzip(vended));
  assert.equal((await getToken(client(good))).access_token, canary);
  const bomb = await serve(t, gzip(Buffer.alloc(64 << 20, ' ')));
  await assert.rejects(getToken(client(bomb)), { code: 'invalid_response', message: /more than 4194304 bytes/ });
});

for (const status of [301, 302, 303, 307, 308]) {
  test(`a redirect ${status} is not followed`, async (t) => {
    const other = await serve(t, success(connection()));
    for (const location of [`${other.url}/platform/v1/connections/conn_1`, '/platform/v1/connections/conn_2', `//${other.url.slice(7)}/x`]) {
      const server = await serve(t, (res) => send(status, `{"status":"success","message":"","data":${JSON.stringify(connection())}}`, { location })(res));
      await assert.rejects(client(server).getConnection(email, 'conn_1'), (error) => {
        assert.deepEqual([error.constructor, error.code, error.status], [sdk.VendgateError, 'redirected', status]);
        return /redirect/.test(error.message) && !inspect(error).includes(key);
      });
      assert.equal(server.requests.length, 1);
    }
    assert.equal(other.requests.length, 0, 'the key travelled on');
  });
}

test('a redirect with a body without end is let go', { timeout: 20_000 }, async (t) => {
  const { fetch } = globalThis;
  t.after(() => (globalThis.fetch = fetch));
  const kept = []; // or the garbage collector would close what nobody holds any more
  globalThis.fetch = async (...args) => (kept.push(await fetch(...args)), kept.at(-1));
  let closed;
  const done = new Promise((resolve) => (closed = resolve));
  const server = await serve(t, (res) => {
    res.writeHead(302, { location: '/elsewhere' });
    res.write('x');
    res.on('close', closed);
  });
  await assert.rejects(client(server).getConnection(email, 'conn_1'), { code: 'redirected' });
  await done;
  assert.equal(kept.length, 1);
});
