// Everything that the tests work with: started once, and shared.
import { VendgatePlatform } from '../../../sdk/node/index.mjs';
import { startAuthserver } from './authserver.mjs';
import { startBrowser, visitor } from './browser.mjs';
import { startGateway } from './gateway.mjs';
import { freePorts, until } from './program.mjs';
import { startAPIs } from './server.mjs';

export const alice = 'alice@example.com';

/** Starts the authorization server, the APIs, the gateways (one by TLS) and the browser. */
export async function startWorld() {
  const [port, tlsPort] = await freePorts(2);
  const callback = (scheme, port) => `${scheme}://localhost:${port}/connect/callback`;
  const authserver = await startAuthserver([callback('http', port), callback('https', tlsPort)]);
  const apis = await startAPIs(authserver);
  const gateway = await startGateway({ port, apis, authserver });
  const secure = await startGateway({ name: 'secure', port: tlsPort, tls: true, apis, authserver });
  const browser = await startBrowser();
  let thriftyKey;
  return {
    authserver,
    apis,
    gateway,
    secure,
    browser,
    /** The key of the tenant whose budgets are small. */
    thriftyKey: () => (thriftyKey ??= makeTenant(gateway, 'thrifty', ['--name', 'Thrifty & Sons']).then(({ key }) => key)),
    visitor: (t, options) => visitor(t, browser, options),
    tenant: (name, ...more) => makeTenant(gateway, name, more),
    async stop() {
      await browser.close();
      await Promise.all([gateway.stop(), secure.stop(), authserver.stop()]);
      apis.stop();
    },
  };
}

async function makeTenant(gateway, name, more) {
  const tenant = tenantOf(gateway, name, await gateway.createTenant(name, ...more));
  await until('the gateway to notice the tenant', () => tenant.client.listApps().catch(() => false));
  return tenant;
}

/** A tenant as its backend works with it. */
export function tenantOf(gateway, name, key) {
  const client = new VendgatePlatform({ apiKey: key, baseUrl: gateway.api });
  return {
    name,
    key,
    client,
    /** Makes a link for Alice: what the backend hands to the frontend. */
    link: (app, connection = 'Work', user = alice) => client.createRequestLink(user, { appId: app, name: connection }),
    /** Calls an app's API through the gateway. */
    call: (id, app, path = '/me', { as = key, user = alice } = {}) =>
      fetch(`${gateway.api}/proxy/${id}/${app}${path}`, { headers: { authorization: `Bearer ${as}`, 'x-user-email': user } }),
  };
}
