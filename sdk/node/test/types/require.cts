// Compiled, never run: the same types by require, with a signal of the DOM's library.
import sdk = require('@vendgate/connect-platform');

const client: sdk.VendgatePlatform = new sdk.PabblyConnectPlatform({ apiKey: 'k' });

export const stop = new AbortController();
export const connection: Promise<sdk.Connection> = client.waitForConnection('alice@example.com', 'conn_1', { signal: stop.signal });
export const either: Promise<sdk.Connection> = client.waitForConnection('alice@example.com', 'conn_1', {
  signal: AbortSignal.any([stop.signal, AbortSignal.timeout(1000)]),
});
export const isRevoked = (err: unknown): boolean => err instanceof sdk.NeedsReconnectionError;
/** With the DOM's library, it is that fetch. */
export const through: typeof fetch = sdk.vendgateFetch({ apiKey: 'ck_x', connection: 'conn_1', app: 'openai', fetch });
