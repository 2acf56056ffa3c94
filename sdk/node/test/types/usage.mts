// Compiled, never run: what must compile, and by @ts-expect-error what must not.
import {
  VendgatePlatform,
  PabblyConnectPlatform,
  PabblyConnectError,
  VendgateError,
  NeedsReconnectionError,
  ConnectionDeletedError,
  RateLimitedError,
  TimeoutError,
  type Connection,
  type ConnectionStatus,
  type Token,
  type RequestLink,
  type Hold,
  type ErrorCode,
  vendgateAxios,
  vendgateFetch,
  vendgateGot,
  vendgateInterceptor,
  type AppHost,
  type Fetch,
} from '@vendgate/connect-platform';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Same<A, B>): void => {};

const client = new VendgatePlatform({ apiKey: 'k', baseUrl: 'https://v.example.com', allowHttp: false, maxRetries: 2, timeoutMs: 30_000 });
const theirs: PabblyConnectPlatform = new PabblyConnectPlatform({ apiKey: 'k', baseUrl: undefined });
same<typeof theirs, VendgatePlatform>(true);

export async function calls(email: string, id: string): Promise<void> {
  const { apps, total } = await client.listApps({ search: 'gmail', page: 1, limit: 5 });
  same<typeof total, number>(true);
  const link = await client.createRequestLink(email, { appId: apps[0]!.id, name: 'Work Gmail' });
  same<typeof link, RequestLink>(true);
  same<Awaited<ReturnType<typeof client.createRefreshLink>>, RequestLink>(true);
  const connection: Connection = await client.waitForConnection(email, link.connection_id, { intervalMs: 2000, timeoutMs: 60_000 });
  same<typeof connection.status, ConnectionStatus>(true);
  same<ConnectionStatus, 'pending' | 'active' | 'rejected' | 'expired'>(true);
  const page = await client.listConnections(email, { appId: 'gmail', page: 1, limit: 100 });
  same<typeof page.connections, Connection[]>(true);
  await client.listApps();
  await client.getApp('gmail');
  await client.listConnections(email);
  same<Awaited<ReturnType<typeof client.hold>>, Hold>(true);
  same<Awaited<ReturnType<typeof client.release>>['released'], boolean>(true);
  await client.hold(email, id, 'workflow 7');
  same<Awaited<ReturnType<typeof client.deleteConnection>>['deleted'], true>(true);
  same<Awaited<ReturnType<typeof client.deleteConnection>>['grant'], 'none' | 'revoked' | 'stays' | 'unconfirmed' | undefined>(true);
}

export function authorization(token: Token): string {
  if (token.auth_type === 'o_auth') {
    same<typeof token.access_token, string>(true);
    same<typeof token.expires_in, number | null>(true);
    return `${token.token_type} ${token.access_token}`;
  }
  same<typeof token.auth_type, 'api_key' | 'basic' | 'header'>(true);
  return token.fields['api_key'] ?? '';
}

export const byPresence = (token: Token): string | undefined => (token.access_token ? `${token.token_type} ${token.access_token}` : token.fields?.['api_key']);

export function handle(err: unknown): number {
  if (!(err instanceof PabblyConnectError)) throw err;
  if (err instanceof NeedsReconnectionError) return err.status ?? 401;
  if (err instanceof ConnectionDeletedError) return 0;
  if (err instanceof RateLimitedError) {
    same<typeof err.retryAfter, number>(true);
    return err.retryAfter * 1000;
  }
  if (err instanceof TimeoutError) {
    same<typeof err.code, 'timeout' | 'wait_timeout'>(true);
    return 1;
  }
  same<typeof err, VendgateError>(true);
  same<typeof err.retryAfter, number | undefined>(true);
  same<NonNullable<typeof err.cause>['code'], string | undefined>(true);
  const known: ErrorCode = 'policy_denied';
  return err.code === known || err.code === 'code_of_the_future' || err.response?.data.code === 'x' ? 2 : 3;
}

export const made = new RateLimitedError('slow down', { retryAfter: 5, cause: new Error('x') });

export async function transports(axios: { getAdapter: unknown; getUri: unknown }): Promise<Fetch> {
  const hosts: AppHost[] | undefined = (await client.getApp('gmail')).hosts;
  const options = { apiKey: 'ck_x', connection: 'conn_1', app: 'gmail', hosts, fields: { subdomain: 'acme' }, errors: 'passthrough' } as const;
  vendgateInterceptor(options);
  vendgateGot(options).hooks.beforeRequest.at(0);
  await vendgateAxios(axios, options)({});
  // @ts-expect-error: a connection is required
  vendgateFetch({ apiKey: 'ck_x', app: 'gmail' });
  // @ts-expect-error: an unknown mode of errors
  vendgateFetch({ ...options, errors: 'mapped' });
  return vendgateFetch({ ...options, email: 'alice@example.com', baseUrl: 'https://v.example.com', allowHttp: false, fetch: vendgateFetch(options) });
}

export function wrong(email: string, id: string): void {
  // @ts-expect-error: a key is required
  new VendgatePlatform({ baseUrl: 'https://v.example.com' });
  // @ts-expect-error: so are options
  new VendgatePlatform();
  // @ts-expect-error: an unknown option
  new VendgatePlatform({ apiKey: 'k', timeout: 1 });
  // @ts-expect-error: an email is required
  void client.listConnections();
  // @ts-expect-error: so is an id
  void client.getToken(email);
  // @ts-expect-error: and an app
  void client.createRequestLink(email, { name: 'Work' });
  // @ts-expect-error: and the name of a hold
  void client.hold(email, id);
  // @ts-expect-error: ids are opaque strings
  void client.getConnection(email, 7);
  // @ts-expect-error: milliseconds are a number
  void client.waitForConnection(email, id, { timeoutMs: '60s' });
  // @ts-expect-error: a controller is no signal
  void client.waitForConnection(email, id, { signal: {} });
  // @ts-expect-error: the base URL is fixed
  client.baseUrl = 'https://v.example.com';
  // @ts-expect-error: a status is one of four
  const status: ConnectionStatus = 'done';
  void status;
}
