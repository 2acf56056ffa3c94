'use strict';

const { resolve } = require('./base.js');
const check = require('./check.js');
const { isObject } = require('./answer.js');
const { Transport } = require('./transport.js');
const { whilePending } = require('./wait.js');

/** A client of the Platform API. Make one and keep it: it holds no connection of its own and may be used concurrently. */
class VendgatePlatform {
  #transport;

  constructor({ apiKey, baseUrl, allowHttp = false, maxRetries = 2, timeoutMs = 30_000, fetch } = {}) {
    this.#transport = new Transport({
      apiKey: check.apiKey(apiKey),
      base: resolve(baseUrl, allowHttp === true),
      maxRetries: check.retries(maxRetries),
      timeoutMs: check.milliseconds(timeoutMs, 'timeoutMs'),
      fetch: check.optionalFunction(fetch, 'fetch'),
    });
  }

  /** The URL of the API. */
  get baseUrl() {
    return this.#transport.base;
  }

  listApps({ search, page, limit } = {}) {
    return this.#call({ method: 'GET', path: '/apps' + query({ search, page, limit }), has: (data) => Array.isArray(data.apps) });
  }

  getApp(appId) {
    return this.#call({ method: 'GET', path: `/apps/${check.segment(appId, 'appId')}`, has: (data) => isText(data.id) });
  }

  createRequestLink(email, { appId, name } = {}) {
    check.email(email);
    return this.#call({
      method: 'POST',
      path: '/connections/request-link',
      email,
      body: { app_id: check.text(appId, 'appId'), name },
      has: isLink,
    });
  }

  createRefreshLink(email, id) {
    return this.#call(connection('POST', email, id, '/request-link', isLink));
  }

  listConnections(email, { appId, needsReconnection, page, limit } = {}) {
    check.email(email);
    const path = '/connections' + query({ app_id: appId, needs_reconnection: needsReconnection, page, limit });
    return this.#call({ method: 'GET', path, email, has: (data) => Array.isArray(data.connections) });
  }

  getConnection(email, id) {
    return this.#call(connection('GET', email, id, '', isConnection));
  }

  waitForConnection(email, id, { intervalMs = 2000, timeoutMs, signal } = {}) {
    const call = connection('GET', email, id, '', isConnection);
    check.milliseconds(intervalMs, 'intervalMs');
    if (timeoutMs !== undefined) check.milliseconds(timeoutMs, 'timeoutMs');
    check.signal(signal);
    return whilePending((stop) => this.#transport.send(call, stop), { intervalMs, timeoutMs, signal });
  }

  getToken(email, id) {
    return this.#call({ ...connection('POST', email, id, '/token', isCredential), vends: true });
  }

  deleteConnection(email, id) {
    return this.#call(connection('DELETE', email, id, '', (data) => data.deleted === true));
  }

  hold(email, id, name) {
    return this.#call(connection('PUT', email, id, `/holds/${check.segment(name, 'name')}`, (data) => isText(data.name)));
  }

  release(email, id, name) {
    return this.#call(connection('DELETE', email, id, `/holds/${check.segment(name, 'name')}`, (data) => typeof data.released === 'boolean'));
  }

  /** The methods above are not async, so that wrong arguments throw at once; only from here on is there a promise. */
  async #call(call) {
    const { data } = await this.#transport.send(call);
    return data;
  }
}

/** A call about one connection. */
function connection(method, email, id, rest, has) {
  check.email(email);
  return { method, path: `/connections/${check.segment(id, 'id')}${rest}`, email, has };
}

function query(parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null);
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
}

// What a caller relies on in each answer. An answer without it is a fault of the server, not an undefined in the caller.
const isText = (value) => typeof value === 'string' && value !== '';
const isLink = (data) => isText(data.connection_id) && isText(data.request_link) && isText(data.request_token);
const isConnection = (data) => isText(data.status);
const isCredential = (data) => isText(data.auth_type) && (isText(data.access_token) || isObject(data.fields));

module.exports = { VendgatePlatform };
