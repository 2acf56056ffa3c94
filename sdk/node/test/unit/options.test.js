'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const { inspect } = require('node:util');
const sdk = require('@vendgate/connect-platform');
const { key } = require('../support/server.js');

const base = (baseUrl, more) => new sdk.VendgatePlatform({ apiKey: key, baseUrl, ...more }).baseUrl;

test('one class has both names', () => {
  assert.equal(sdk.PabblyConnectPlatform, sdk.VendgatePlatform);
  assert.equal(sdk.PabblyConnectError, sdk.VendgateError);
});

test('import and require give the same classes, all of them', async () => {
  const { default: whole, ...imported } = await import('@vendgate/connect-platform');
  assert.equal(whole, undefined);
  assert.deepEqual(Object.keys(imported).sort(), Object.keys(sdk).sort());
  for (const name of Object.keys(sdk)) assert.equal(imported[name], sdk[name], name);
});

test('the base URL is taken in every spelling', () => {
  for (const [given, want] of [
    ['https://v.example.com', 'https://v.example.com/platform/v1'],
    ['https://v.example.com/', 'https://v.example.com/platform/v1'],
    ['https://v.example.com//', 'https://v.example.com/platform/v1'],
    ['https://v.example.com:8443/platform/v1', 'https://v.example.com:8443/platform/v1'],
    ['https://v.example.com/platform/v1/', 'https://v.example.com/platform/v1'],
    ['https://v.example.com/vendgate/', 'https://v.example.com/vendgate/platform/v1'],
    [new URL('https://v.example.com'), 'https://v.example.com/platform/v1'],
    ['http://localhost:8080', 'http://localhost:8080/platform/v1'],
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080/platform/v1'],
    ['http://127.9.9.9', 'http://127.9.9.9/platform/v1'],
    ['http://[::1]:8080', 'http://[::1]:8080/platform/v1'],
  ]) {
    assert.equal(base(given), want, String(given));
  }
});

test('plain http is for loopback only, unless allowed', () => {
  for (const given of ['http://v.example.com', 'http://127.0.0.1.example.com', 'http://localhost.example.com', 'http://10.0.0.1', 'http://[::2]', 'ftp://localhost']) {
    assert.throws(() => base(given), { name: 'TypeError', message: /must be https/ }, given);
  }
  assert.equal(base('http://10.0.0.1', { allowHttp: true }), 'http://10.0.0.1/platform/v1');
  for (const allowHttp of [false, 1, 'true', null]) {
    assert.throws(() => base('http://10.0.0.1', { allowHttp }), /must be https/);
  }
  assert.throws(() => base('ftp://10.0.0.1', { allowHttp: true }), /must be https/);
});

test('a base URL with more than a place is refused, and not quoted', () => {
  for (const given of ['https://user:hunter2@v.example.com', 'https://v.example.com/?key=hunter2', 'https://v.example.com/#hunter2', 'hunter2', 7, {}]) {
    assert.throws(() => base(given), (error) => error instanceof TypeError && /baseUrl/.test(error.message) && !inspect(error).includes('hunter2'));
  }
});

test('the environment names the server where the program does not', (t) => {
  const before = process.env.VENDGATE_URL;
  t.after(() => (before === undefined ? delete process.env.VENDGATE_URL : (process.env.VENDGATE_URL = before)));
  process.env.VENDGATE_URL = 'https://env.example.com';
  assert.equal(base(undefined), 'https://env.example.com/platform/v1');
  assert.equal(base('https://given.example.com'), 'https://given.example.com/platform/v1');
  process.env.VENDGATE_URL = 'http://env.example.com';
  assert.throws(() => base(undefined), /must be https/);
  delete process.env.VENDGATE_URL;
  assert.throws(() => base(undefined), { name: 'TypeError', message: /baseUrl is required.*VENDGATE_URL/ });
});

test('the constructor wants a key that can stand in a header', () => {
  for (const options of [undefined, {}, { apiKey: undefined }, { apiKey: null }, { apiKey: '' }, { apiKey: '  ' }, { apiKey: 7 }]) {
    assert.throws(() => new sdk.VendgatePlatform(options), { name: 'TypeError', message: /apiKey is required/ });
  }
  for (const bad of [`${key}\n`, ` ${key}`, `${key}\r\nx-user-email: eve@example.com`, `${key}\0`, `${key}é`]) {
    assert.throws(
      () => new sdk.VendgatePlatform({ apiKey: bad, baseUrl: 'https://v.example.com' }),
      (error) => error instanceof TypeError && /apiKey/.test(error.message) && !inspect(error).includes(key),
    );
  }
});

test('bounds that are none are refused', () => {
  for (const maxRetries of [-1, 1.5, 11, NaN, '2', null]) {
    assert.throws(() => base('https://v.example.com', { maxRetries }), { name: 'TypeError', message: /maxRetries/ });
  }
  for (const timeoutMs of [0, -1, NaN, Infinity, 2 ** 31, '30000', null]) {
    assert.throws(() => base('https://v.example.com', { timeoutMs }), { name: 'TypeError', message: /timeoutMs/ });
  }
  assert.ok(base('https://v.example.com', { maxRetries: 0, timeoutMs: 1 }));
});

test('the key shows nowhere in a client', () => {
  const client = new sdk.VendgatePlatform({ apiKey: key, baseUrl: 'https://v.example.com' });
  const shown = [inspect(client, { showHidden: true, depth: null, getters: true }), JSON.stringify(client), String(client), JSON.stringify(Object.entries(client))];
  for (const text of shown) assert.ok(!text.includes(key), 'the key is shown');
});
