// All that a file of tests needs: providers, the gateway before them, and ears before that.
import assert from 'node:assert/strict';
import { after, afterEach, before } from 'node:test';
import { assertForwarded } from './forwarded.mjs';
import { apps, startGateway, tenantKey } from './gateway.mjs';
import { startEar, startProvider } from './recorder.mjs';

/**
 * Starts a world for the tests of a file. `world[app]` is the provider of an app; `url` is where clients reach a gateway that maps
 * errors, and `passthrough` one that does not. Clients are pointed at `url` by the environment, as the README says.
 */
export function useWorld() {
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
    const gateway = await started(startGateway(Object.fromEntries(Object.entries(providers).map(([app, { host }]) => [app, host]))));
    const ears = { url: await started(startEar(gateway.mapped)), passthrough: await started(startEar(gateway.passthrough)) };
    for (const [name, ear] of Object.entries(ears)) world[name] = `http://${ear.host}`;
    for (const [app, provider] of Object.entries(providers)) world[app] = provided(app, provider, Object.values(ears));
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

const provided = (app, provider, ears) => ({
  host: provider.host,
  /** Says what the next requests get. */
  answers: (...answers) => provider.answers.push(...answers),
  /** Checks that exactly these requests came, each as the client had sent it but for who asks, and returns them. */
  async took(...lines) {
    const got = provider.requests.splice(0);
    const sent = ears.flatMap((ear) => take(ear.requests, ({ line }) => line.split('/')[3] === app));
    assert.deepEqual(got.map(({ line }) => line), lines);
    assert.equal(sent.length, got.length, 'requests of the client');
    got.forEach((request, i) => assertForwarded(app, provider.host, sent[i], request));
    return got;
  },
});

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
