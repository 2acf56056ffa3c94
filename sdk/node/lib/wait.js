'use strict';

const { errors } = require('./errors.js');
const { sleep } = require('./pause.js');

/** How long a link can be valid, in milliseconds; the bound of a wait that learns of no earlier one. */
const linkLifetime = 48 * 3600 * 1000;

/** How long after a link's end the server may take to say that it expired, in milliseconds, on top of two intervals. */
const grace = 5000;

/**
 * Asks until the connection's status is another than pending, and returns the connection. `look` takes a signal and returns
 * the connection and the server's time, by which the link's end is measured: this machine's clock may be wrong.
 */
async function whilePending(look, { intervalMs, timeoutMs, signal }) {
  const stop = new AbortController();
  const abort = () => stop.abort(signal.reason);
  if (signal?.aborted) throw signal.reason;
  signal?.addEventListener('abort', abort, { once: true });
  const timer = timeoutMs && setTimeout(() => stop.abort(timedOut(`still pending after ${timeoutMs} ms`)), timeoutMs);
  try {
    return await poll(look, intervalMs, stop.signal);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}

async function poll(look, intervalMs, signal) {
  let deadline = performance.now() + linkLifetime;
  for (;;) {
    let pause = intervalMs;
    try {
      const { data: connection, now } = await look(signal);
      if (connection.status !== 'pending') return connection;
      const left = Date.parse(connection.expires_at) - now;
      if (!Number.isNaN(left)) deadline = performance.now() + left + grace + 2 * intervalMs;
    } catch (error) {
      pause = Math.max(intervalMs, 1000 * patience(error));
    }
    if (performance.now() >= deadline) throw timedOut('the link has ended, and the connection is still pending');
    await sleep(pause, signal);
  }
}

/** Returns how many seconds to wait after an error that passes by itself, and throws any other. */
function patience(error) {
  if (error instanceof errors.RateLimitedError || error instanceof errors.UpstreamUnavailableError) return error.retryAfter ?? 0;
  throw error;
}

const timedOut = (message) => new errors.TimeoutError(message, { code: 'wait_timeout' });

module.exports = { whilePending };
