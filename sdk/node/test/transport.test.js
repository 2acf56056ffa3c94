'use strict';

// The transports through the real gateway: the provider is called by its own address, and gets its own credential.
const { test, before, after } = require('node:test');
const assert = require('node:assert/strict');
const { VendgateError, vendgateAxios, vendgateFetch, vendgateGot } = require('@vendgate/connect-platform');
const { startWorld, email } = require('./support/world.js');

/** @type {Awaited<ReturnType<typeof startWorld>>} */
let world;
let connection;
const cleanups = [];
before(async () => {
  world = await startWorld({ after: (cleanup) => cleanups.unshift(cleanup) });
  connection = await world.importKey('acme');
});
after(async () => {
  for (const cleanup of cleanups) await cleanup();
});

const options = (more) => ({ baseUrl: world.url, apiKey: world.keys.acme, email, connection, app: 'openai', ...more });
const models = () => `${world.provider.url}/key/models`;

test('the server tells the hosts of an app', async () => {
  const { hosts } = await world.client('acme').getApp('openai');
  assert.deepEqual(hosts, [{ scheme: 'http', host: new URL(world.provider.url).host, base_path: '/key', path: '' }]);
  assert.deepEqual((await world.client('acme').getApp('slack')).hosts.map(({ host, path }) => [host, path])[0], ['slack.com', '']);
});

test('fetch with the tenant key: hosts are learned, and the provider accepts its credential', async () => {
  const fetch = vendgateFetch(options());
  const response = await fetch(models(), { headers: { authorization: 'Bearer placeholder' } });
  assert.deepEqual([response.status, await response.json()], [200, { data: [] }]);
  await assert.rejects(fetch(`${world.provider.url}/elsewhere`), { code: 'url_refused', reason: 'path' });
  await assert.rejects(fetch('https://api.openai.com/v1/models'), { code: 'url_refused', reason: 'host' });
});

test('fetch with a caller key alone: hosts are learned', async () => {
  const apiKey = await world.callerKey('acme', connection);
  const fetch = vendgateFetch(options({ apiKey, email: undefined }));
  const answers = () => fetch(models()).then(({ status }) => status, ({ code }) => code);
  for (let tries = 0, answer; (answer = await answers()) !== 200; tries++) { // a running gateway notices a key within a second
    assert.ok(tries < 200, `the gateway does not know the key: ${answer}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  await assert.rejects(vendgateFetch(options({ apiKey, email: undefined, app: 'unlisted' }))(models()), (error) => {
    assert.ok(error instanceof VendgateError);
    assert.equal(error.code, 'unknown_app');
    return true;
  });
});

test('axios and got', async () => {
  const { default: axios } = await import('axios');
  const { data } = await axios.create({ adapter: vendgateAxios(axios, options()) }).get(models());
  assert.deepEqual(data, { data: [] });
  const { default: got } = await import('got');
  assert.deepEqual(await got.extend(vendgateGot(options()))(models()).json(), { data: [] });
});
