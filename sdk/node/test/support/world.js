'use strict';

const { VendgatePlatform } = require('@vendgate/connect-platform');
const { startProvider } = require('./provider.js');
const { startVendgate } = require('./vendgate.js');

const email = 'alice@example.com';

/** The tenants of the tests, with what makes each of them different. */
const tenants = { acme: [], other: [], limited: [], ruled: [], rotating: [], reader: ['--capabilities', 'apps'] };

/** A running server with tenants, and a provider that its apps call. */
async function startWorld(t) {
  const provider = await startProvider(t);
  const vendgate = await startVendgate(t, provider);
  const keys = {};
  for (const [name, more] of Object.entries(tenants)) keys[name] = await vendgate.createTenant(name, ...more);
  const clientOf = (apiKey, options) => new VendgatePlatform({ apiKey, baseUrl: vendgate.url, ...options });
  return {
    ...vendgate,
    provider,
    keys,
    clientOf,
    client: (tenant, options) => clientOf(keys[tenant], options),
    importKey: (tenant, key = provider.goodKey) => vendgate.importConnection(tenant, email, 'openai', { api_key: key }),
    /** An OAuth connection whose access token has expired, so that the next vend asks the provider. */
    importExpired: (tenant, refresh_token, app = 'gmail') =>
      vendgate.importConnection(tenant, email, app, { access_token: 'ya29.expired', refresh_token, expires_at: '2020-01-01T00:00:00Z' }),
  };
}

module.exports = { startWorld, email };
