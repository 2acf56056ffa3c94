/** How an app authorizes, and what a credential for it consists of. */
export type AuthType = 'o_auth' | 'api_key' | 'basic' | 'header';

export interface ClientOptions {
  /** The tenant key, `pk_live_…`. It belongs on a backend, never in a browser. */
  apiKey: string;
  /**
   * The URL of the Vendgate server, with or without a path, a trailing slash or `/platform/v1`. Default: the environment
   * variable `VENDGATE_URL`; the constructor throws without either. It must be https, but for loopback.
   */
  baseUrl?: string | undefined;
  /** Allows plain http to other hosts than loopback. The key and all credentials then travel unprotected. Default: false. */
  allowHttp?: boolean | undefined;
  /** How often a call that was answered 503 is tried again, 0 to 10. Default: 2. */
  maxRetries?: number | undefined;
  /** The bound of one attempt, its answer's body included, in milliseconds. Default: 30000. */
  timeoutMs?: number | undefined;
  /** What calls are sent with. Default: the platform's `fetch`. */
  fetch?: Fetch | undefined;
}

/** The platform's `fetch`, or anything where its types are not there: so described, these types need neither the DOM's nor Node's. */
export type Fetch = typeof globalThis extends { fetch: infer F } ? F : (input: any, init?: any) => Promise<any>;

export interface PageOptions {
  /** From 1. */
  page?: number | undefined;
  /** 1 to 100. Default: 20. */
  limit?: number | undefined;
}

export interface ListAppsOptions extends PageOptions {
  /** Matches slug and name; the best match comes first. */
  search?: string | undefined;
}

export interface ListConnectionsOptions extends PageOptions {
  /** Only connections of this app, by id or slug. */
  appId?: string | undefined;
  /** `true`: only connections whose grant has ended. `false`: only the others. */
  needsReconnection?: boolean | undefined;
}

export interface RequestLinkOptions {
  /** The app's id or slug. */
  appId: string;
  /** What to call the connection; the end user sees it. At most 200 bytes. */
  name: string;
}

export interface WaitOptions {
  /** The pause between two looks, in milliseconds. Default: 2000. */
  intervalMs?: number | undefined;
  /** The bound of the whole wait, in milliseconds. Default: none but the end of the link. */
  timeoutMs?: number | undefined;
  /** Ends the wait; the promise then rejects with the signal's reason. */
  signal?: AbortSignalLike | undefined;
}

/** An AbortSignal, as far as it is used: so described, these types need neither the DOM's nor Node's. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

export interface AppSummary {
  id: string;
  slug: string;
  name: string;
}

export interface AppField {
  name: string;
  label: string;
  /** Whether to hide what is typed into it. */
  secret: boolean;
  /** Where to find the value, or how it looks. */
  help?: string;
}

export interface App extends AppSummary {
  icon_url: string;
  /** What end users know it by, where `name` says more than that. */
  short_name?: string;
  /** A page that says where to find the credential. */
  help_url?: string;
  auth_type: AuthType;
  categories: string[];
  /** What an end user enters to connect the app; empty where signing in is enough. */
  fields: AppField[];
  /** All that calls of the app may reach, the upstream first; servers that do not tell leave it out. */
  hosts?: AppHost[];
}

/** A host of an app. A URL there whose path begins with `base_path` is, at the gateway, `/proxy/{connection}/{app}`, then `path`, then the rest. */
export interface AppHost {
  /** `http` where the app is called in plain; else it is https. */
  scheme?: string;
  /** With a port unless that is the scheme's own. `{name}` is a slot, `*` one DNS label or a part of it, `**` one label or several. */
  host: string;
  base_path: string;
  /** Where it holds a pattern of `host`, the host that is called takes its place. */
  path: string;
  /** Its name where apps are addressed by host. */
  label?: string;
  /** The connection's field that names this host whole, in place of filling its slot. */
  field?: string;
  /** All that may be called there, if not everything. */
  paths?: string[];
  /** The slots of `host` and `base_path`, by the names of the fields that fill them. */
  slots?: Record<string, { kind: string; options?: string[]; site_path?: boolean }>;
}

export interface RequestLink {
  connection_id: string;
  /** For the browser helper. Anyone who has it can use the link. */
  request_token: string;
  /** The URL to send the end user to. It works once. */
  request_link: string;
  /** RFC 3339. */
  expires_at: string;
  app: AppSummary;
}

export type ConnectionStatus = 'pending' | 'active' | 'rejected' | 'expired';

export interface Connection {
  id: string;
  name: string;
  app: AppSummary;
  status: ConnectionStatus;
  /** The end user made it by a link. */
  via_link: boolean;
  /** The grant was revoked or refused: `getToken` rejects with NeedsReconnectionError. */
  needs_reconnection: boolean;
  /** A refresh link is open; the old credentials still work. */
  refresh_pending: boolean;
  /** The provider issued the credentials, or was seen to accept them; false, too, while there are none. */
  verified: boolean;
  /** What the connection holds beside its credential and is not secret, such as `account_sid` or `subdomain`, by name. */
  fields: Record<string, string>;
  /** RFC 3339, as the others. */
  created_at: string;
  updated_at: string;
  /** The end of the pending link, also of one that refreshes; null without one. */
  expires_at: string | null;
}

export interface OAuthToken {
  auth_type: 'o_auth';
  access_token: string;
  token_type: string;
  /** Seconds; null where the provider does not say. */
  expires_in: number | null;
  /** What the app needs besides the token, such as the account's host. */
  fields?: Record<string, string>;
}

export interface FieldsToken {
  auth_type: Exclude<AuthType, 'o_auth'>;
  access_token?: undefined;
  token_type?: undefined;
  expires_in: null;
  /** The credential's values, by the names of the app's fields. */
  fields: Record<string, string>;
}

/** A credential. Use it at once; never store or log it. */
export type Token = OAuthToken | FieldsToken;

export interface Hold {
  name: string;
  created_at: string;
}

/** What became of a connection. `grant` is what is left at the provider; servers that do not tell leave it out. */
export interface Deleted {
  deleted: true;
  grant?: 'none' | 'revoked' | 'stays' | 'unconfirmed';
}

export interface Page {
  page: number;
  limit: number;
  total: number;
}

export interface AppPage extends Page {
  apps: App[];
}

export interface ConnectionPage extends Page {
  connections: Connection[];
}

/**
 * A client of the Platform API. Make one and keep it; it may be used concurrently.
 *
 * Wrong arguments, a missing `email` above all, throw a TypeError at once. Everything else rejects with a VendgateError.
 * `email` names the end user whom a call acts for: take it from your own session, never from input.
 */
export class VendgatePlatform {
  constructor(options: ClientOptions);
  /** The URL of the API. */
  get baseUrl(): string;
  /** A page of the apps that can be connected. */
  listApps(options?: ListAppsOptions): Promise<AppPage>;
  /** One app, by id or slug. */
  getApp(appId: string): Promise<App>;
  /** Makes a pending connection and the link by which the end user authorizes it. */
  createRequestLink(email: string, options: RequestLinkOptions): Promise<RequestLink>;
  /** Makes a link that renews a connection's credentials. It ends an older link; the old credentials work until it is used. */
  createRefreshLink(email: string, id: string): Promise<RequestLink>;
  /** A page of the end user's connections, as far as your tenant made them. */
  listConnections(email: string, options?: ListConnectionsOptions): Promise<ConnectionPage>;
  getConnection(email: string, id: string): Promise<Connection>;
  /**
   * Resolves with the connection as soon as its status is another than `pending`, at once if it already is. Rejects with
   * TimeoutError (`wait_timeout`) after `timeoutMs`, or when the link has ended without the server saying so. Rides out 429 and
   * 503. A refresh link leaves the status as it is: look at `refresh_pending` for that.
   */
  waitForConnection(email: string, id: string, options?: WaitOptions): Promise<Connection>;
  /** Vends a working credential. Never store or log it. */
  getToken(email: string, id: string): Promise<Token>;
  /** Deletes a connection, and revokes its grant where the provider can. Needs the capability `delete`. */
  deleteConnection(email: string, id: string): Promise<Deleted>;
  /** Says that something of yours, called `name`, depends on the connection: it cannot be deleted until released. */
  hold(email: string, id: string, name: string): Promise<Hold>;
  /** Takes a hold back. `released` is false where none of that name stood. */
  release(email: string, id: string, name: string): Promise<{ released: boolean }>;
}

/** The codes of errors: the server's, then those that the SDK makes itself. */
export type ErrorCode =
  | 'invalid_user_email'
  | 'invalid_request'
  | 'invalid_tenant_key'
  | 'needs_reconnection'
  | 'capability_disabled'
  | 'policy_denied'
  | 'connection_deleted'
  | 'unknown_app'
  /** Nothing is served at the path: `baseUrl` is wrong. */
  | 'not_found'
  | 'connection_in_use'
  | 'connection_not_active'
  | 'request_too_large'
  | 'rate_limited'
  | 'upstream_unavailable'
  | 'internal_error'
  /** No whole answer within `timeoutMs`. */
  | 'timeout'
  /** A `waitForConnection` that took too long. */
  | 'wait_timeout'
  /** The server could not be reached, or the connection broke before it answered; `cause.code` has the system's code. */
  | 'connection_failed'
  /** The answer is cut short or not one of the Platform API. */
  | 'invalid_response'
  /** The server answered with a redirect. */
  | 'redirected'
  /** A transport was given a URL that does not belong to the app, or a redirect led to one. Nothing was sent there. */
  | 'url_refused';

/** The body of an error. Of a token call it has `message`, `data.code` and `data.origin` alone. */
export interface ErrorResponse {
  status: string;
  message: string;
  data: { code: string; origin?: string; [key: string]: unknown };
  /** The code and the message again; undefined of a token call, and from a server that does not send it. */
  error?: { code: string; type: string; message: string };
}

export interface ErrorDetails {
  status?: number | undefined;
  code?: string | undefined;
  response?: ErrorResponse | undefined;
  retryAfter?: number | undefined;
  cause?: Error | undefined;
}

/** What every call rejects with. No error holds the tenant key or a credential. */
export class VendgateError extends Error {
  constructor(message: string, details?: ErrorDetails);
  /** The HTTP status; undefined if no answer came. */
  readonly status: number | undefined;
  readonly code: ErrorCode | (string & {});
  /** The response's body; undefined if it is not one of the Platform API. */
  readonly response: ErrorResponse | undefined;
  /** Seconds to wait; always on 429, on 503 if the server says it, else undefined. */
  readonly retryAfter: number | undefined;
  /** Of `url_refused`: which rule the URL breaks. */
  readonly reason?: 'host' | 'path' | 'account' | 'gateway' | 'dots' | 'url' | 'redirect';
  /** What made the connection fail; `code` is the system's or Node's, such as `ECONNREFUSED`. */
  readonly cause?: Error & { code?: string };
}

/** 400 `invalid_user_email`: `email` is not an address. */
export class InvalidUserEmailError extends VendgateError {
  readonly code: 'invalid_user_email';
}
/** 400 `invalid_request`: an argument that the server refuses; the message names it. */
export class InvalidRequestError extends VendgateError {
  readonly code: 'invalid_request';
}
/** 401 `invalid_tenant_key`: the key is unknown or retired. */
export class InvalidTenantKeyError extends VendgateError {
  readonly code: 'invalid_tenant_key';
}
/** 401 `needs_reconnection`: the grant was revoked or has expired; send the end user through a link again. */
export class NeedsReconnectionError extends VendgateError {
  readonly code: 'needs_reconnection';
}
/** 403 `capability_disabled`: the key lacks the capability. */
export class CapabilityDisabledError extends VendgateError {
  readonly code: 'capability_disabled';
}
/** 403 `policy_denied`: your tenant may not use this app, or not in this way. */
export class PolicyDeniedError extends VendgateError {
  readonly code: 'policy_denied';
}
/** 404 `connection_deleted`: no such connection, or not yours. */
export class ConnectionDeletedError extends VendgateError {
  readonly code: 'connection_deleted';
}
/** 404 `unknown_app`: no such app. */
export class UnknownAppError extends VendgateError {
  readonly code: 'unknown_app';
}
/** 409 `connection_in_use`: holds forbid the deletion. */
export class ConnectionInUseError extends VendgateError {
  readonly code: 'connection_in_use';
}
/** 409 `connection_not_active`: the link is pending, was rejected or has expired. */
export class ConnectionNotActiveError extends VendgateError {
  readonly code: 'connection_not_active';
}
/** 413 `request_too_large`. */
export class RequestTooLargeError extends VendgateError {
  readonly code: 'request_too_large';
}
/** 429 `rate_limited`: wait `retryAfter` seconds. */
export class RateLimitedError extends VendgateError {
  readonly code: 'rate_limited';
  readonly retryAfter: number;
}
/** 503 `upstream_unavailable`, after the retries. */
export class UpstreamUnavailableError extends VendgateError {
  readonly code: 'upstream_unavailable';
}
/** `timeout` or `wait_timeout`. */
export class TimeoutError extends VendgateError {
  readonly code: 'timeout' | 'wait_timeout';
}

export interface TransportOptions {
  /** A caller key, `ck_…`, or the tenant key, `pk_live_…`. It goes to the gateway only, in `Authorization`. */
  apiKey: string;
  /** As of the client. */
  baseUrl?: string | undefined;
  /** As of the client. */
  allowHttp?: boolean | undefined;
  /** The connection's id. */
  connection: string;
  /** The slug of the connection's app. */
  app: string;
  /** The end user whom calls act for, in `x-user-email`; a caller key needs none. */
  email?: string | undefined;
  /** The app's hosts, as `getApp` tells them. Default: they are asked for by `apiKey` at the first call. */
  hosts?: AppHost[] | undefined;
  /** The connection's open fields, as `getConnection` tells them. Default: they are asked for where hosts depend on them and `apiKey` may, which a caller key may not. */
  fields?: Record<string, string> | undefined;
  /** Leaves the provider's errors as they are, by `Vendgate-Errors`. */
  errors?: 'passthrough' | undefined;
  /** What to send with. Default: the platform's `fetch`; of the transports for undici, axios and got, it is what hosts are asked for with. */
  fetch?: Fetch | undefined;
}

/**
 * Returns a `fetch` that reaches all hosts of an app through the gateway, and rejects with VendgateError, code `url_refused`, for any
 * other URL, before anything is sent. It follows redirects within the app, and refuses those that lead elsewhere.
 */
export function vendgateFetch(options: TransportOptions): Fetch;
/** Returns an interceptor for `dispatcher.compose` of undici 6 and 7, which does as vendgateFetch does. */
export function vendgateInterceptor(options: TransportOptions): (dispatch: any) => (options: any, handler: any) => boolean;
/** Returns an adapter for axios 1.5 or later, which does as vendgateFetch does. `axios` is the module itself. */
export function vendgateAxios(axios: { getAdapter: any; getUri: any }, options: TransportOptions): (config: any) => Promise<any>;
/** Returns options for `got.extend`, of got 12 or later, which does as vendgateFetch does. */
export function vendgateGot(options: TransportOptions): { hooks: { beforeRequest: Array<(options: any) => Promise<void>> } };

export { VendgatePlatform as PabblyConnectPlatform, VendgateError as PabblyConnectError };
