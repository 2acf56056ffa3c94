// All that a file of tests needs: providers, the gateway before them, and ears before that.
import assert from 'node:assert/strict';
import { after, afterEach, before } from 'node:test';
import { assertForwarded } from './forwarded.mjs';
import { apps, connectionOf, startGateway, tenantKey } from './gateway.mjs';
import { startEar, startProvider } from './recorder.mjs';

/**
 * Starts a world for the tests of a file. `world[app]` is the provider of an app, and `world.elsewhere` all its other hosts; `url` is
 * where clients reach a gateway that maps errors, and `passthrough` one that does not. Clients are pointed at `url` by the
 * environment, as the documents say. `world.keys` has a caller key for each app of `callers`,
 * which may have options: `['openai', '--errors', 'passthrough']`.
 */
export function useWorld(...callers) {
  const world = {};
  const parts = [];
  const started = async (starting) => {
    const part = await starting;
    parts.unshift(part);
    return part;
  };
  before(async () => {
    const providers = {};
    for (const app of Object.keys(apps)) providers[app] = await started(startProvider());
    const hosts = Object.fromEntries(Object.entries(providers).map(([app, { host }]) => [app, host]));
    providers.elsewhere = await started(startProvider());
    const gateway = await started(startGateway(hosts, providers.elsewhere.host));
    world.callerKey = gateway.callerKey;
    const ears = { url: await started(startEar(gateway.mapped)), passthrough: await started(startEar(gateway.passthrough)) };
    for (const [name, ear] of Object.entries(ears)) world[name] = `http://${ear.host}`;
    for (const [name, provider] of Object.entries(providers)) world[name] = provided(name, provider, Object.values(ears));
    world.keys = {};
    for (const [app, ...options] of callers.map((caller) => [caller].flat())) world.keys[app] = await gateway.callerKey(connectionOf(app), ...options);
    /** Checks that the gateway, and it alone, got these requests since the last look. */
    world.refused = (...lines) => assert.deepEqual(Object.values(ears).flatMap(({ requests }) => requests.splice(0).map(({ line }) => line)), lines);
    Object.assign(process.env, { VENDGATE_URL: world.url, VENDGATE_KEY: tenantKey });
  });
  afterEach(() => {
    const left = parts.flatMap(({ requests = [], answers = [] }) => [...answers.splice(0), ...requests.splice(0).map(({ line }) => line)]);
    assert.deepEqual(left, [], 'answers and requests that the test did not look at');
  });
  after(async () => {
    for (const { stop } of parts) await stop();
  });
  return world;
}

const provided = (name, provider, ears) => ({
  host: provider.host,
  /** Says what the next requests get. */
  answers: (...answers) => provider.answers.push(...answers),
  /** Checks that exactly these requests came, each as the client had sent it but for who asks, and returns them. */
  async took(...lines) {
    const got = provider.requests.splice(0);
    const sent = ears.flatMap((ear) => take(ear.requests, (request) => addressee(request) === name));
    assert.deepEqual(got.map(({ line }) => line), lines);
    assert.equal(sent.length, got.length, 'requests of the client');
    got.forEach((request, i) => assertForwarded(provider.host, sent[i], request));
    return got;
  },
});

/** Who shall get what the client sent to `/proxy/{connection_id}/{app}/…`. */
const addressee = ({ line }) => {
  const [, , , app, first] = line.split('/');
  return first.startsWith('~') ? 'elsewhere' : app;
};

/** Removes from a list what fits, and returns it. */
function take(list, fits) {
  const taken = list.filter(fits);
  list.splice(0, list.length, ...list.filter((item) => !fits(item)));
  return taken;
}

/** Makes a client that reaches the gateway under another URL. */
export function through(url, make) {
  const usual = process.env.VENDGATE_URL;
  process.env.VENDGATE_URL = url;
  try {
    return make();
  } finally {
    process.env.VENDGATE_URL = usual;
  }
}
