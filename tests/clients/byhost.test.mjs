// Libraries that know an origin and no path, through a gateway that addresses apps by host.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import path from 'node:path';
import { after, before, test } from 'node:test';
import Stripe from 'stripe';
import { binary, freePorts, run, start, until, workDir } from '../browser/harness/program.mjs';
import { json } from './harness/answers.mjs';
import { valuesOf } from './harness/forwarded.mjs';
import { startProvider } from './harness/recorder.mjs';

const timeout = 50_000;
const domain = 'gw.test';
const secret = 'sk_live_provider_canary_0123456789';
const email = 'alice@example.com';
const dir = path.join(workDir, 'byhost');
const config = path.join(dir, 'Caddyfile');
const env = { ...process.env, HOME: dir, XDG_DATA_HOME: dir, XDG_CONFIG_HOME: dir };

const caddyfile = (port, api, files) => `{
	admin off
	persist_config off
	auto_https off
	grace_period 1s
	log {
		level ERROR
	}
	vendgate {
		data_dir "${dir}/data"
		app stripe {
			upstream http://${api}
			extra_hosts ${files}
			host_label files ${files}
			allow_http
			allow_private 127.0.0.0/8
		}
		source local
	}
}

http://*.${domain}:${port} {
	bind 127.0.0.1
	vendgate_proxy {
		hosts ${domain}
	}
	vendgate_not_found
}
`;

let api, files, gateway, port, key, agent;

before(async () => {
  [api, files] = [await startProvider(), await startProvider()];
  const file = await binary('vendgate', 'VENDGATE_BIN', '.', './cmd/vendgate');
  [port] = await freePorts(1);
  mkdirSync(dir);
  writeFileSync(config, caddyfile(port, api.host, files.host), { mode: 0o600 });
  const vendgate = (args, input = '') => run(file, [...args, '--config', config], { env, input });
  await vendgate(['tenant', 'create', 'acme', '--email', 'dev@acme.example']);
  const imported = await vendgate(['connection', 'import', '--tenant', 'acme', '--user', email, '--app', 'stripe', '--no-verify'], JSON.stringify({ api_key: secret }));
  const connection = imported.trim().split(/\s+/).at(-1);
  key = (await vendgate(['caller-key', 'create', '--tenant', 'acme', '--connection', connection])).trim();
  gateway = start(file, ['run', '--config', config], { env });
  // Names below the domain lead to the gateway, as a wildcard record would have it.
  agent = new Agent({ keepAlive: false, lookup: (_name, options, done) => (options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4)) });
  await until('the gateway', async () => {
    if (gateway.ended()) throw new Error(`the gateway ended:\n${gateway.log()}`);
    return fetch(`http://127.0.0.1:${port}`).catch(() => false);
  });
});

after(async () => {
  await gateway?.stop();
  for (const provider of [api, files]) await provider?.stop();
});

const stripeAt = (host, apiKey = key) =>
  new Stripe(apiKey, { host: `${host}.${domain}`, port, protocol: 'http', httpAgent: agent, maxNetworkRetries: 0, telemetry: false });

/** Checks that a provider got these requests, with its own credential and nothing of the caller's. */
function took(provider, ...lines) {
  const got = provider.requests.splice(0);
  assert.deepEqual(got.map(({ line }) => line), lines);
  for (const request of got) {
    assert.deepEqual(valuesOf(request, 'authorization'), [`Bearer ${secret}`]);
    assert.deepEqual(valuesOf(request, 'host'), [provider.host]);
    const text = JSON.stringify(request.headers) + request.line + request.body.toString('latin1');
    for (const own of [key, email, domain]) assert.ok(!text.includes(own), `the provider saw ${own}`);
  }
  return got;
}

test('stripe: a list, page by page', { timeout }, async () => {
  const page = (id, more) => json(200, { object: 'list', url: '/v1/customers', has_more: more, data: [{ id, object: 'customer' }] });
  api.answers.push(page('cus_1', true), page('cus_2', false));
  const ids = [];
  for await (const { id } of stripeAt('stripe').customers.list({ limit: 1 })) ids.push(id);
  assert.deepEqual(ids, ['cus_1', 'cus_2']);
  took(api, 'GET /v1/customers?limit=1', 'GET /v1/customers?limit=1&starting_after=cus_1');
});

test('stripe: a form arrives as it is', { timeout }, async () => {
  api.answers.push(json(200, { id: 're_1', object: 'refund' }));
  const refund = await stripeAt('stripe').refunds.create({ charge: 'ch_1', metadata: { 'größe': '1&2' } });
  assert.equal(refund.id, 're_1');
  const [got] = took(api, 'POST /v1/refunds');
  assert.equal(got.body.toString(), 'charge=ch_1&metadata[gr%C3%B6%C3%9Fe]=1%262');
});

test('stripe: a file goes to the host of the label', { timeout }, async () => {
  files.answers.push(json(200, { id: 'file_1', object: 'file' }));
  const file = await stripeAt('stripe--files').files.create({ purpose: 'dispute_evidence', file: { data: Buffer.from('%PDF-é'), name: 'a.pdf', type: 'application/pdf' } });
  assert.equal(file.id, 'file_1');
  const [got] = took(files, 'POST /v1/files');
  assert.ok(got.body.includes(Buffer.from('%PDF-é')));
});

test('stripe: what the gateway refuses is an error', { timeout }, async () => {
  await assert.rejects(stripeAt('stripe', 'ck_' + 'x'.repeat(43)).balance.retrieve(), (err) => err.statusCode === 401 && err.raw.code === 'invalid_tenant_key');
  await assert.rejects(stripeAt('stripes').balance.retrieve(), (err) => err.statusCode === 404 && err.raw.code === 'unknown_app');
  took(api);
});
