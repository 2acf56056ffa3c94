'use strict';

// The transports for libraries, with the libraries themselves, in all versions that this Node runs.
const { test } = require('node:test');
const assert = require('node:assert/strict');
const { Readable } = require('node:stream');
const { vendgateAxios, vendgateFetch, vendgateGot, vendgateInterceptor } = require('@vendgate/connect-platform');
const { startGateway, key, hosts } = require('../support/gateway.js');

const recent = Number(process.versions.node.split('.')[0]) >= 20;
const base = 'https://api.acme.example/v1';
const email = 'alice@example.com';
const payload = Buffer.from('Größe? 🐘');

/** Each library as `{ call(method, url, { headers, body }) → { status, body } }`, made of options. */
const libraries = {
  'axios': async (options) => withAxios((axios) => ({ adapter: vendgateAxios(axios, options) })),
  'axios by fetch': async (options) => withAxios(() => ({ adapter: 'fetch', env: { fetch: vendgateFetch(options) } })),
  'got 13': (options) => withGot('got', options),
  'undici 6, request': (options) => withUndici('undici', options),
  'undici 6, fetch': (options) => withUndiciFetch('undici', options),
  ...(recent && {
    'got 14': (options) => withGot('got14', options),
    'undici 7, request': (options) => withUndici('undici7', options),
    'undici 7, fetch': (options) => withUndiciFetch('undici7', options),
  }),
};

async function withAxios(settings) {
  const { default: axios } = await import('axios');
  const instance = axios.create({ baseURL: `${base}/`, responseType: 'text', validateStatus: null, ...settings(axios) });
  return async (method, url, { headers, body } = {}) => {
    const { status, data } = await instance.request({ method, url, headers, data: body });
    return { status, body: data };
  };
}

async function withGot(name, options) {
  const { default: got } = await import(name);
  const through = got.extend(vendgateGot(options), { throwHttpErrors: false, retry: { limit: 1, calculateDelay: ({ computedValue }) => computedValue && 1 } });
  return async (method, url, { headers, body } = {}) => {
    const { statusCode, body: text } = await through(url, { method, headers, body });
    return { status: statusCode, body: text };
  };
}

async function withUndici(name, options) {
  const { Agent, interceptors, request } = await import(name);
  const dispatcher = new Agent().compose(vendgateInterceptor(options), interceptors.redirect({ maxRedirections: 5 }));
  return async (method, url, { headers, body } = {}) => {
    const response = await request(url, { method, headers, body, dispatcher });
    return { status: response.statusCode, body: await response.body.text() };
  };
}

async function withUndiciFetch(name, options) {
  const { Agent, fetch } = await import(name);
  const dispatcher = new Agent().compose(vendgateInterceptor(options));
  return async (method, url, { headers, body } = {}) => {
    const response = await fetch(url, { method, headers, body, dispatcher, duplex: 'half' });
    return { status: response.status, body: await response.text() };
  };
}

const failing = (pattern) => (error) => {
  const all = [];
  for (let e = error; e; e = e.cause) all.push(`${e.code} ${e.message}`);
  assert.match(all.join('\n'), pattern);
  assert.ok(!all.join('\n').includes(key));
  return true;
};

for (const [name, make] of Object.entries(libraries)) {
  test(`${name}: calls, bodies and headers`, async (t) => {
    const gateway = await startGateway(t);
    const call = await make({ ...gateway.options, email });
    const { status, body } = await call('POST', `${base}/a%2fb?x=%7E&y`, { body: payload, headers: { Authorization: 'Bearer placeholder', 'x-vendgate-key': 'k', 'x-trace': '7', Host: 'api.acme.example' } });
    const got = JSON.parse(body);
    assert.deepEqual([status, got.line, got.body], [200, 'POST /proxy/conn_1/acme/a%2fb?x=%7E&y', String(payload)]);
    assert.deepEqual(['authorization', 'x-vendgate-key', 'x-user-email', 'x-trace', 'host'].map((header) => got.headers[header]), [`Bearer ${key}`, undefined, email, '7', new URL(gateway.url).host]);
    assert.equal(JSON.parse((await call('PUT', 'https://files.acme.example/x', { body: Readable.from(['one ', 'two']) })).body).body, 'one two');
    const all = await Promise.all(Array.from({ length: 10 }, (_, i) => call('GET', `${base}/${i}`)));
    assert.deepEqual(all.map(({ body }) => JSON.parse(body).line), all.map((_, i) => `GET /proxy/conn_1/acme/${i}`));
    assert.equal(gateway.asked.length, 1);
  });

  test(`${name}: other hosts get nothing`, async (t) => {
    const elsewhere = await startGateway(t);
    const gateway = await startGateway(t);
    const call = await make({ ...gateway.options, email });
    for (const url of ['https://evil.example/v1/x', 'http://api.acme.example/v1/x', `${elsewhere.url}/x`]) {
      await assert.rejects(call('GET', url), failing(/is not a host of acme/));
      await assert.rejects(call('POST', url, { body: Readable.from(['x']) }), failing(/is not a host of acme/));
    }
    assert.deepEqual([...gateway.requests, ...elsewhere.requests], []);
  });

  test(`${name}: redirects stay within the app`, async (t) => {
    const elsewhere = await startGateway(t);
    let leads = '/proxy/conn_1/acme/next?page=2';
    const gateway = await startGateway(t, ({ line }) => (line.includes('next') ? undefined : { status: 302, headers: { location: leads } }));
    const call = await make({ ...gateway.options, email });
    const got = JSON.parse((await call('GET', `${base}/x`, { headers: { 'x-api-key': 'placeholder' } })).body);
    assert.deepEqual([got.line, got.headers.authorization, got.headers['x-user-email']], ['GET /proxy/conn_1/acme/next?page=2', `Bearer ${key}`, email]);
    leads = 'https://files.acme.example/next';
    const other = JSON.parse((await call('GET', `${base}/x`)).body);
    assert.deepEqual([other.line, other.headers.authorization, other.headers['x-user-email']], ['GET /proxy/conn_1/acme/~files.acme.example/next', `Bearer ${key}`, email]);
    for (leads of [`${elsewhere.url}/steal`, elsewhere.url.replace('127.0.0.1', 'localhost'), '/proxy/conn_2/acme/next']) {
      await assert.rejects(call('GET', `${base}/x`), failing(/is not a host of acme|does not belong to this connection|is outside of what acme has/));
    }
    assert.deepEqual(elsewhere.requests, []);
    assert.equal(gateway.requests.filter(({ line }) => line.includes('conn_2')).length, 0);
  });

  test(`${name}: hosts that cannot be learned fail the call`, async (t) => {
    const gateway = await startGateway(t, undefined, () => [401, { code: 'invalid_tenant_key' }]);
    const call = await make(gateway.options);
    await assert.rejects(call('GET', `${base}/x`), failing(/invalid_tenant_key the hosts of acme could not be learned/));
    assert.deepEqual(gateway.requests, []);
  });
}

test('axios: a base URL and parameters make one URL; what is no axios is a TypeError', async (t) => {
  const { default: axios } = await import('axios');
  const gateway = await startGateway(t);
  const instance = axios.create({ baseURL: base, adapter: vendgateAxios(axios, gateway.options), auth: { username: 'placeholder', password: 'x' } });
  const { data } = await instance.get('/list', { params: { page: 2, q: 'a b' } });
  assert.deepEqual([data.line, data.headers.authorization], ['GET /proxy/conn_1/acme/list?page=2&q=a+b', `Bearer ${key}`]);
  assert.throws(() => vendgateAxios(instance, gateway.options), TypeError);
});

test('got: a retry goes the same way', async (t) => {
  const gateway = await startGateway(t, (_, n) => (n === 1 ? { status: 503 } : undefined));
  const call = await libraries['got 13'](gateway.options);
  assert.equal((await call('GET', `${base}/x`)).status, 200);
  assert.deepEqual(gateway.lines(), ['GET /proxy/conn_1/acme/x', 'GET /proxy/conn_1/acme/x']);
});

test('axios: neither answers nor errors show the key, and no proxy of the environment gets it', async (t) => {
  const { default: axios } = await import('axios');
  const { inspect } = require('node:util');
  const gateway = await startGateway(t, ({ line }) => ({ status: line.endsWith('/bad') ? 500 : 200, body: '{}' }));
  const proxy = await startGateway(t);
  const before = process.env.http_proxy;
  t.after(() => (before === undefined ? delete process.env.http_proxy : (process.env.http_proxy = before)));
  process.env.http_proxy = proxy.url;
  const client = axios.create({ adapter: vendgateAxios(axios, { ...gateway.options, email }) });
  const refused = await client.get(`${base}/bad`).catch((error) => error);
  const down = axios.create({ adapter: vendgateAxios(axios, { ...gateway.options, baseUrl: 'http://127.0.0.1:1', hosts, email }) });
  const broken = await down.get(`${base}/x`).catch((error) => error);
  assert.deepEqual([refused.response.status, broken.code], [500, 'ECONNREFUSED']);
  for (const shown of [await client.get(`${base}/x`), refused, refused.response, broken]) {
    assert.equal(shown.config.url, shown === refused || shown === refused.response ? `${base}/bad` : `${base}/x`);
    const text = inspect(shown, { depth: 9 }) + (shown.toJSON ? JSON.stringify(shown) : '');
    assert.ok(!text.includes(key) && !text.includes(email), text);
  }
  assert.deepEqual(proxy.lines(), []);
});

for (const name of ['undici', ...(recent ? ['undici7'] : [])]) {
  test(`${name}: a signal ends a call whose hosts are being learned`, async (t) => {
    const { Agent, request } = require(name);
    const controller = new AbortController();
    let tell;
    const gateway = await startGateway(t, undefined, () => {
      controller.abort(new Error('enough'));
      return new Promise((resolve) => (tell = resolve));
    });
    const dispatcher = new Agent().compose(vendgateInterceptor(gateway.options));
    t.after(() => dispatcher.close());
    await assert.rejects(request(`${base}/x`, { dispatcher, signal: controller.signal }), { message: 'enough' });
    tell([200, { id: 'acme', hosts }]);
    assert.equal((await request(`${base}/x`, { dispatcher })).statusCode, 200);
    assert.deepEqual(gateway.lines(), ['GET /proxy/conn_1/acme/x']);
  });
}

for (const name of ['got', ...(recent ? ['got14'] : [])]) {
  test(`${name}: a stream that is gone is not sent as an empty body`, async (t) => {
    const { default: got } = await import(name);
    const gateway = await startGateway(t, () => ({ status: 307, headers: { location: '/proxy/conn_1/acme/y' } }));
    const call = got.extend(vendgateGot(gateway.options)).post(`${base}/x`, { body: Readable.from(['ab', 'cd']) });
    await assert.rejects(call, { code: 'url_refused' });
    assert.deepEqual(gateway.requests.map(({ line, body }) => [line, body]), [['POST /proxy/conn_1/acme/x', 'abcd']]);
  });
}
