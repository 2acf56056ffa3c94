'use strict';

const check = require('./check.js');
const { resolve, path: apiPath } = require('./base.js');
const { VendgatePlatform } = require('./client.js');
const { errors } = require('./errors.js');
const { Hosts } = require('./hosts.js');

/** What the transports have in common: the map of an app's hosts, learned when it is first needed, and the headers of a call. */
class Through {
  #platform;
  #email;
  #given;
  #place;
  #headers;
  #hosts;

  constructor({ apiKey, baseUrl, allowHttp, connection, app, email, hosts, fields, errors: mode, fetch } = {}) {
    check.segment(connection, 'connection');
    check.segment(app, 'app');
    if (email !== undefined) check.email(email);
    if (hosts !== undefined && !(Array.isArray(hosts) && hosts.length > 0)) {
      throw new TypeError('hosts must be those of an app, as getApp returns them');
    }
    if (mode !== undefined && mode !== 'passthrough') {
      throw new TypeError("errors must be 'passthrough', or left out");
    }
    const root = resolve(baseUrl, allowHttp === true).slice(0, -apiPath.length);
    this.#platform = new VendgatePlatform({ apiKey, baseUrl: root, allowHttp, fetch });
    this.#email = email;
    this.#given = { hosts, fields };
    this.#place = { root, connection, app };
    this.#headers = { authorization: `Bearer ${apiKey}` };
    if (email !== undefined) this.#headers['x-user-email'] = email;
    if (mode !== undefined) this.#headers['vendgate-errors'] = mode;
    if (hosts !== undefined && (fields !== undefined || !hosts.some(isOpen))) {
      this.#hosts = new Hosts({ ...this.#place, hosts, fields });
    }
  }

  /** Returns the map at once where it is known, else undefined. */
  get known() {
    return this.#hosts instanceof Hosts ? this.#hosts : undefined;
  }

  /** Resolves with the map. It is learned once, however many wait; what failed is tried again by the next call. */
  async hosts(signal) {
    if (this.known) return this.known;
    this.#hosts ??= this.#learn().then(
      (hosts) => (this.#hosts = hosts),
      (error) => {
        this.#hosts = undefined;
        throw error;
      },
    );
    return abortable(this.#hosts, signal);
  }

  /** Returns the headers of a call, `[name, value]` pairs: ours in place of the caller's placeholders for them. */
  headers(pairs) {
    const kept = [...pairs].filter(
      ([name]) => !replaced.has(name.toLowerCase()) && !Object.hasOwn(this.#headers, name.toLowerCase()),
    );
    return [...kept, ...Object.entries(this.#headers)];
  }

  async #learn() {
    const hosts = this.#given.hosts ?? (await this.#ask(this.#place.app));
    const fields = this.#given.fields ?? (hosts.some(isOpen) ? await this.#fields() : undefined);
    return new Hosts({ ...this.#place, hosts, fields });
  }

  async #ask(app) {
    let answer;
    try {
      answer = await this.#platform.getApp(app);
    } catch (error) {
      throw unlearned(app, error);
    }
    if (Array.isArray(answer.hosts) && answer.hosts.length > 0) return answer.hosts;
    throw new errors.VendgateError(`the server does not list the hosts of ${app}: update it, or pass hosts`, {
      code: 'invalid_response',
    });
  }

  /** The connection's open fields, or undefined for a key that may not see them, and for a connection of another source. */
  async #fields() {
    const { connection, app } = this.#place;
    if (this.#email === undefined) return undefined;
    try {
      return (await this.#platform.getConnection(this.#email, connection)).fields;
    } catch (error) {
      if ([401, 403, 404].includes(error.status)) return undefined;
      throw unlearned(app, error);
    }
  }
}

/** Headers that name another key, or another host, than those of the call. */
const replaced = new Set(['x-vendgate-key', 'host']);

/** Whether a host depends on the connection. */
const isOpen = ({ slots, field }) => slots !== undefined || field !== undefined;

/** The codes of what is not the Platform API. */
const absent = new Set(['invalid_response', 'not_found', 'redirected']);

function unlearned(app, cause) {
  const advice =
    {
      unknown_app: '; a caller key must be one that may call it',
      capability_disabled: '; the key may not list them: pass hosts, or grant its tenant the capability apps',
    }[cause.code] ??
    (absent.has(cause.code) ? '; a gateway without the Platform API lists none: pass hosts' : '');
  return new errors.VendgateError(`the hosts of ${app} could not be learned: ${cause.message}${advice}`, {
    status: cause.status,
    code: cause.code,
    response: cause.response,
    retryAfter: cause.retryAfter,
    cause,
  });
}

/** Leaves a promise that others share to them when signal is aborted. */
function abortable(promise, signal) {
  if (!signal) return promise;
  if (signal.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

module.exports = { Through };
