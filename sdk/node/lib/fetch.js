'use strict';

const { Through } = require('./through.js');
const { refusal } = require('./hosts.js');
const { readable } = require('./body.js');
const { causeOf } = require('./errors.js');

/** As many redirects as fetch itself follows (WHATWG Fetch, section 4.5). */
const maxRedirects = 20;

/**
 * Returns a fetch that reaches an app's hosts through the gateway, and nothing else. Redirects are followed here and not by the
 * fetch below, which would carry headers of the request along to another host.
 */
function vendgateFetch(options = {}) {
  const through = new Through(options);
  const send = options.fetch ?? ((url, init) => globalThis.fetch(url, init));
  return async (input, init = {}) => {
    const request = isRequest(input) ? input : undefined;
    const hosts = await through.hosts(init.signal ?? request?.signal);
    const url = hosts.map(request ? request.url : String(input));
    const call = await callOf(request, init, through);
    return follow({ send, hosts, mode: init.redirect ?? request?.redirect ?? 'follow' }, url, call);
  };
}

/** Sends a call, and follows where its answers lead to within the app. */
async function follow({ send, hosts, mode }, url, call) {
  for (let redirects = 0; ; redirects++) {
    const response = await send(url, call).catch((error) => explain(error, url));
    const location = redirectOf(response);
    if (location === undefined || mode === 'manual') return finished(response, redirects);
    discard(response);
    if (mode === 'error') throw refusal('redirect', "the response is a redirect, and the call has redirect: 'error'");
    if (redirects === maxRedirects) throw refusal('redirect', `the response is a redirect after ${maxRedirects} others`);
    url = within(hosts, new URL(location, url).href);
    call = next(call, response.status);
  }
}

/** Throws error, of a call that got no answer, with its cause in the message: fetch says "fetch failed" whatever happened. */
function explain(error, url) {
  const code = causeOf(error);
  if (error instanceof TypeError && code && !error.message.includes(code)) {
    error.message = `${error.message}: the connection to ${new URL(url).origin} failed: ${code}`;
  }
  throw error;
}

/** Releases a body that is not read: a stream of the web, or one of Node, as node-fetch has. */
function discard({ body }) {
  body?.cancel?.().catch(() => {});
  body?.destroy?.();
}

/** A Request of any implementation: that of a library need not be the platform's. */
const isRequest = (input) =>
  typeof input === 'object' && input !== null && typeof input.url === 'string' && typeof input.method === 'string';

/** The call as fetch takes it, with our headers in place of the caller's placeholders. */
async function callOf(request, init, through) {
  const headers = new Headers(through.headers(new Headers(init.headers ?? request?.headers)));
  const call = { ...inherited(request), ...init, headers, redirect: 'manual' };
  if (init.body === undefined && request?.body) call.body = await readable(request.body);
  if (isStream(call.body)) call.duplex = 'half';
  return call;
}

function inherited(request) {
  if (!request) return {};
  const { method, signal, keepalive, cache, credentials, integrity } = request;
  return Object.fromEntries(
    Object.entries({ method, signal, keepalive, cache, credentials, integrity }).filter(
      ([, value]) => value !== undefined && value !== '',
    ),
  );
}

const isStream = (body) => typeof body?.getReader === 'function' || typeof body?.[Symbol.asyncIterator] === 'function';

/** Where an answer leads to, or undefined. A runtime that hides redirects leaves nothing to follow. */
function redirectOf(response) {
  if (response.type === 'opaqueredirect') {
    throw refusal('redirect', 'this runtime does not show where a redirect leads: nothing was sent there');
  }
  return [301, 302, 303, 307, 308].includes(response.status)
    ? (response.headers.get('location') ?? undefined)
    : undefined;
}

function within(hosts, url) {
  try {
    return hosts.map(url);
  } catch (error) {
    error.message = `a redirect leads out of the app: ${error.message}; let the gateway follow it (redirects follow), or fetch it without the key`;
    throw error;
  }
}

/** Headers of a body that a redirect drops. */
const ofBody = ['content-encoding', 'content-language', 'content-location', 'content-type', 'content-length'];

/** The call after a redirect (WHATWG Fetch, section 4.4). */
function next(call, status) {
  const method = call.method?.toUpperCase() ?? 'GET';
  if ((status === 303 && method !== 'GET' && method !== 'HEAD') || (status < 303 && method === 'POST')) {
    const headers = new Headers([...call.headers].filter(([name]) => !ofBody.includes(name)));
    return { ...call, method: 'GET', body: undefined, headers };
  }
  if (isStream(call.body)) {
    throw refusal('redirect', `a redirect (${status}) needs the body again, but the stream is already consumed`);
  }
  return call;
}

const finished = (response, redirects) =>
  redirects > 0 ? Object.defineProperty(response, 'redirected', { value: true }) : response;

module.exports = { vendgateFetch };
