'use strict';

const { errors, causeOf } = require('./errors.js');
const { readAnswer, invalid } = require('./answer.js');
const { backoff, sleep } = require('./pause.js');
const { version } = require('../package.json');

/** The largest body that is read, in bytes after decompression. A page of 100 apps has some tens of thousands. */
const maxBody = 4 << 20;

/** The longest that a retry is waited for, in milliseconds. Whoever is told to wait longer is better told so than kept. */
const maxPause = 30_000;

/** Sends calls. The key is in a private field, where neither util.inspect nor JSON.stringify looks. */
class Transport {
  #base;
  #apiKey;
  #timeoutMs;
  #maxRetries;
  #fetch;

  constructor({ base, apiKey, timeoutMs, maxRetries, fetch }) {
    this.#base = base;
    this.#apiKey = apiKey;
    this.#timeoutMs = timeoutMs;
    this.#maxRetries = maxRetries;
    this.#fetch = fetch ?? ((url, init) => globalThis.fetch(url, init));
  }

  get base() {
    return this.#base;
  }

  /**
   * Returns the data of call's answer and the server's time. Only an answered 503 is tried again: it says that nothing was
   * done. After a failed connection it is unknown what the server did, and trying again could make a second request link.
   */
  async send(call, signal) {
    for (let attempt = 0; ; attempt++) {
      const answer = await this.#attempt(call, signal);
      try {
        return { data: readAnswer(answer, call), now: answer.now };
      } catch (error) {
        const pause = backoff(attempt, error.retryAfter);
        if (error.status !== 503 || attempt >= this.#maxRetries || pause > maxPause) throw error;
        await sleep(pause, signal);
      }
    }
  }

  /** One request, with its answer's body, within the time-out. */
  async #attempt(call, signal) {
    const controller = new AbortController();
    const abort = () => controller.abort(signal.reason);
    if (signal?.aborted) throw signal.reason;
    signal?.addEventListener('abort', abort, { once: true });
    const timer = setTimeout(
      () => controller.abort(new errors.TimeoutError(`no complete response within ${this.#timeoutMs} ms`)),
      this.#timeoutMs,
    );
    const progress = {};
    try {
      return await this.#exchange(call, controller.signal, progress);
    } catch (error) {
      if (controller.signal.aborted) throw controller.signal.reason;
      controller.abort(); // lets go of the rest of an answer that is not read
      throw this.#explain(error, progress.response);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    }
  }

  async #exchange(call, signal, progress) {
    const response = await this.#fetch(this.#base + call.path, {
      method: call.method,
      headers: this.#headers(call),
      body: call.body === undefined ? undefined : JSON.stringify(call.body),
      redirect: 'manual', // the key goes to no other server
      cache: 'no-store', // frameworks that replace fetch by a caching one would keep credentials
      signal,
    });
    progress.response = response;
    if (response.type === 'opaqueredirect' || (response.status >= 300 && response.status < 400)) {
      throw new errors.VendgateError(`the server answered with a redirect, which is not followed: correct baseUrl`, {
        status: response.status || undefined,
        code: 'redirected',
      });
    }
    const text = await readText(response);
    return {
      status: response.status,
      // A server may quote the request, and with it the key, in its error.
      text: response.ok ? text : text.replaceAll(this.#apiKey, '[tenant key]'),
      retryAfter: response.headers.get('retry-after'),
      now: Date.parse(response.headers.get('date')) || Date.now(),
    };
  }

  #headers(call) {
    const headers = {
      accept: 'application/json',
      authorization: `Bearer ${this.#apiKey}`,
      'user-agent': `vendgate-connect-platform-node/${version}`,
    };
    if (call.email !== undefined) headers['x-user-email'] = call.email;
    if (call.body !== undefined) headers['content-type'] = 'application/json';
    return headers;
  }

  /** Returns what went wrong below HTTP. The cause keeps its code alone: Node's parser error holds the bytes it was given. */
  #explain(error, response) {
    if (error instanceof errors.VendgateError) return error;
    const code = causeOf(error);
    const name = code ?? (error.cause?.message === 'bad port' ? 'fetch calls no such port' : error.name);
    const cause = Object.assign(new Error(name), code === undefined ? {} : { code });
    if (response) return Object.assign(invalid(response, 'the answer ended early or could not be decoded'), { cause });
    return new errors.VendgateError(`the connection to ${new URL(this.#base).origin} failed: ${cause.message}`, { code: 'connection_failed', cause });
  }
}

async function readText(response) {
  const chunks = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > maxBody) throw invalid(response, `the response has more than ${maxBody} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

module.exports = { Transport };
