'use strict';

/** The bounds of Retry-After, in seconds; the server's own. */
const minRetryAfter = 1;
const maxRetryAfter = 86400;

/**
 * Reads a Retry-After header, delay-seconds or an HTTP date (RFC 9110, section 10.2.3), as whole seconds within
 * 1…86400. What is absent or nonsense is undefined.
 */
function parseRetryAfter(value, now = Date.now()) {
  const text = (value ?? '').trim();
  const seconds = /^[+-]?\d+$/.test(text) ? Number(text) : Math.ceil((Date.parse(text) - now) / 1000);
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(seconds, minRetryAfter), maxRetryAfter);
}

/** The first and the longest pause between attempts, in milliseconds. */
const firstPause = 500;
const longestPause = 8000;

/**
 * Returns how long to pause before retry number `attempt`, from 0, in milliseconds. It doubles, and is random within its upper
 * half, so that clients that failed together do not come back together; never less than the server asked for.
 */
function backoff(attempt, retryAfter, random = Math.random()) {
  const half = Math.min(firstPause * 2 ** attempt, longestPause) / 2;
  return (retryAfter === undefined ? half : retryAfter * 1000) + random * half;
}

/** Resolves after ms; rejects with signal's reason if that is aborted first. */
function sleep(ms, signal) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal?.addEventListener('abort', stop, { once: true });
  });
}

module.exports = { parseRetryAfter, backoff, sleep };
