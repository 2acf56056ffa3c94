// What the gateway may change of a request, and what it may not.
import assert from 'node:assert/strict';
import { apps, connectionOf, email, tenantKey } from './gateway.mjs';

/** Headers that say who asks: they end at the gateway. */
const callers = /^(authorization|cookie|x-user-email|vendgate-.*|x-vendgate-.*)$/;
/** Headers that belong to a connection, or frame a body on it (RFC 9110, section 7.6.1). */
const hops = /^(host|connection|keep-alive|te|trailer|transfer-encoding|content-length)$/;
/** Headers by which proxies tell who is behind them. */
const tales = /^(via|forwarded|x-forwarded-.*|x-real-ip)$/;

export const valuesOf = ({ headers }, name) => headers.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);

const remaining = ({ headers }) =>
  headers
    .map(([name, value]) => [name.toLowerCase(), value])
    .filter(([name]) => ![callers, hops, tales].some((kind) => kind.test(name)))
    .sort();

/** Leaves of Accept-Encoding what answers can be read in, where an app’s entry looks into their bodies. */
const readable = (codings, headers) =>
  headers.map(([name, value]) => (codings && name === 'accept-encoding' ? [name, value.split(', ').filter((coding) => codings.includes(coding)).join(', ')] : [name, value]));

/** Checks that a provider got what the client sent, with the provider's own credential and nothing of the caller's. */
export function assertForwarded(host, sent, got) {
  const [method, target] = sent.line.split(' ');
  const [, , , app] = target.split('/');
  const prefix = `/proxy/${connectionOf(app)}/${app}`;
  assert.ok(target.startsWith(`${prefix}/`), `the client sent ${sent.line}`);
  const rest = target.slice(prefix.length);
  const [, other, below] = rest.match(/^\/~([^/]+)(.*)$/) ?? []; // through a proxy: the whole URL
  assert.equal(got.line, `${method} ${other ? `http://${other}${below}` : `${apps[app].base}${rest}`}`);
  assert.ok(got.body.equals(sent.body), 'the body differs');
  assert.deepEqual(remaining(got), readable(apps[app].codings, remaining(sent)));
  assertCredentials(other ?? host, apps[app].secret, sent, got);
}

/** Whoever sends a caller key (`ck_`) need not say who the customer is. */
function assertCredentials(host, secret, sent, got) {
  const [key] = text(sent).match(/ck_\w+/) ?? [tenantKey];
  assert.ok(text(sent).includes(key), 'the client did not send its key');
  assert.deepEqual(valuesOf(sent, 'x-user-email'), key === tenantKey ? [email] : []);
  assert.deepEqual(valuesOf(got, 'authorization'), [`Bearer ${secret}`]);
  assert.deepEqual(valuesOf(got, 'host'), [host]);
  const names = got.headers.map(([name]) => name.toLowerCase());
  assert.deepEqual(names.filter((name) => tales.test(name) || (callers.test(name) && name !== 'authorization')), []);
  assert.equal(text(got).split(secret).length, 2, 'the credential stands in one place');
  for (const [what, canary] of [['client’s key', key], ['tenant key', tenantKey], ['address', email], ['gateway', valuesOf(sent, 'host')[0]]]) {
    assert.ok(!text(got).includes(canary) && !text(got).includes(encodeURIComponent(canary)), `the provider saw the ${what}`);
  }
}

const text = ({ line, headers, body }) => [line, ...headers.map((pair) => pair.join(': ')), body.toString('latin1')].join('\n');
