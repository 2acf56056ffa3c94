// Providers' own libraries, by the documents' blocks, against providers at their real host names: nothing but the gateway gets the
// key. What a library can do is in sdks/*.mjs; what a library has not got is in sdks.json, with
// the reason.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, afterEach, before, describe, test } from 'node:test';
import { exampleOf } from './harness/examples.mjs';
import { elsewhere } from './harness/features.mjs';
import { namespace, startInternet } from './harness/internet.mjs';
import { leaksOf } from './harness/leaks.mjs';
import { features } from './harness/rows.mjs';
import { domain, email, startSite } from './harness/site.mjs';

const timeout = 60_000;
const skip = namespace ? false : 'it takes root, unshare, ip and openssl';
const folder = new URL('sdks/', import.meta.url);
const only = process.env.SDKS ? process.env.SDKS.split(',') : undefined;
const files = readdirSync(folder).filter((name) => name.endsWith('.mjs') && (!only || only.includes(name.slice(0, -4))));
const rows = await Promise.all(files.map(async (name) => (await import(new URL(name, folder))).default));
const world = {};

before(async () => {
  if (skip) return;
  const apps = {};
  for (const { app, fields } of rows) apps[app] = fields;
  const names = [...new Set(rows.flatMap(({ hosts }) => hosts)), elsewhere];
  const labels = [...new Set(rows.flatMap(({ labels = [] }) => labels))];
  world.internet = await startInternet({ gateway: [domain, ...labels.map((label) => `${label}.${domain}`)], names });
  world.site = await startSite(apps);
  Object.assign(process.env, { VENDGATE_URL: `https://${domain}`, VENDGATE_DOMAIN: domain });
});

after(async () => {
  await world.site?.stop();
  for (const stop of world.internet?.stop ?? []) stop();
});

test('what goes past the gateway is seen', { skip, timeout }, async () => {
  const secret = 'ck_canary+0123456789/canary';
  const written = { plain: secret, 'percent-encoded': encodeURIComponent(secret), base64: Buffer.from(`x:${secret}`).toString('base64') };
  for (const [spelling, text] of Object.entries(written)) {
    for (const [place, init] of [['?q=' + encodeURIComponent(text), {}], ['', { headers: { 'x-key': text } }], ['', { method: 'POST', body: text }]]) {
      await fetch(`https://${elsewhere}/${place}`, init);
      assert.match(leaksOf(world.internet.connections, { key: secret }).join(), /^files\.elsewhere\.example\.net got the key/, spelling);
      forget();
    }
  }
  await fetch('https://telemetry.example.org/');
  assert.deepEqual([...new Set(world.internet.asked)], ['telemetry.example.org']);
  assert.deepEqual(requests().map(({ host }) => host), ['telemetry.example.org']);
  forget();
});

for (const row of rows) describe(row.name, () => testRow(row));

function testRow(row) {
  let key;
  before(async () => {
    if (!skip) key = await world.site.callerKey(row.app, ...(row.errors ? ['--errors', row.errors] : []));
  });
  afterEach(() => forget());
  for (const feature of features) {
    if (typeof row[feature] !== 'function') continue;
    test(`${row.name}: ${feature}`, { skip, timeout }, async () => {
      const make = await exampleOf(row);
      await row[feature](providers(row, make(key)));
      assertPrivate(row, key, feature);
    });
  }
  for (const hook of row.hooks) {
    test(`${row.name}: without ${hook.option ?? hook.method}, the block sends nothing`, { skip, timeout }, async () => {
      const make = await exampleOf(row, hook);
      await assert.rejects(async () => row.call(make(key)), hook.error ?? failsClosed);
      for (const feature of ['list', 'upload', 'stream'].filter((name) => row[name])) {
        await assert.rejects(async () => row[feature](providers(row, make(key))), `${feature} went through`);
      }
      for (const answers of Object.values(world.internet.answers)) answers.length = 0;
      assert.deepEqual(world.internet.connections.filter(({ bytes }) => bytes.length > 0).map(({ host }) => host), []);
      assert.deepEqual(world.internet.asked, []);
    });
  }
}

/** The block's own check, or the gateway that was shown no key. */
const failsClosed = /this \S+ takes n|is not the gateway|401|the key is missing/;

/** What a row does with its providers: says what they answer, and looks at what they got. */
function providers(row, client) {
  const taken = new Set();
  return {
    client,
    answer: (host, ...answers) => (world.internet.answers[host] ??= []).push(...answers),
    /** Checks that exactly these requests came to a host, and returns them. */
    took(host, ...lines) {
      const got = requests().filter((request) => request.host === host && !taken.has(request));
      got.forEach((request) => taken.add(request));
      const normal = row.normal ?? ((line) => line);
      assert.deepEqual(got.map(({ method, target }) => normal(`${method} ${target}`)), lines);
      return got;
    },
  };
}

const requests = () => world.internet.connections.flatMap((connection) => connection.requests);

function forget() {
  if (skip) return;
  const left = Object.values(world.internet.answers).flatMap((answers) => answers.splice(0));
  for (const connection of world.internet.connections) Object.assign(connection, { bytes: [], requests: [] });
  world.internet.asked.length = 0;
  assert.equal(left.length, 0, 'answers that nobody fetched');
}

/** Checks that all went through the gateway, and that nobody else learnt whose call it was. */
function assertPrivate(row, key, feature) {
  assert.deepEqual(world.internet.asked, [], 'names that no one foresaw');
  assert.deepEqual(leaksOf(world.internet.connections, { 'caller’s key': key, 'customer’s address': email, 'gateway’s name': domain }), []);
  // The gateway keeps them to itself, too.
  const logged = [{ host: 'the log', bytes: [Buffer.from(world.site.log())], requests: [] }];
  const secrets = Object.entries(row.fields).filter(([, value]) => /canary/i.test(value));
  assert.deepEqual(leaksOf(logged, { 'caller’s key': key, ...Object.fromEntries(secrets) }), []);
  for (const request of requests()) {
    const mine = row.hosts.includes(request.host);
    assert.ok(mine || (feature === 'redirected' && request.host === elsewhere), `${request.host} was called`);
    assert.equal(row.credential(request), mine, `${request.method} ${request.host}${request.target} with the credential`);
  }
}
