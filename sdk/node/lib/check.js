'use strict';

// The checks of arguments. All throw a TypeError at once: a wrong call is a defect of the program, whatever the server says.

/** The longest a timer can be set to, in milliseconds; Node fires at once what is longer. */
const longestTimer = 2 ** 31 - 1;

function text(value, name) {
  if (typeof value !== 'string' || value.trim() === '') {
    throw new TypeError(`${name} is required, as a non-empty string`);
  }
  return value;
}

/** Keys often come from files that end with a newline. The value is never quoted. */
function apiKey(value) {
  if (!/^[\x21-\x7e]+$/.test(text(value, 'apiKey'))) {
    throw new TypeError('apiKey may hold only visible ASCII characters, no white space and no line break');
  }
  return value;
}

/** Whether it is an address says the server; here, that it can stand in a header. */
function email(value) {
  if (!/^[\x20-\x7e]+$/.test(text(value, 'email'))) {
    throw new TypeError('email may hold only printable ASCII characters');
  }
  return value;
}

/**
 * Returns value as one path segment. URL parsers drop dot segments, percent-encoded or not, so that releasing the hold ".."
 * would ask for the deletion of the connection.
 */
function segment(value, name) {
  text(value, name);
  try {
    if (value !== '.' && value !== '..') return encodeURIComponent(value);
  } catch {
    // Half of a surrogate pair has no encoding.
  }
  throw new TypeError(`${name} cannot be part of a path`);
}

function milliseconds(value, name) {
  if (typeof value !== 'number' || !(value > 0 && value <= longestTimer)) {
    throw new TypeError(`${name} must be a number of milliseconds, above 0 and at most ${longestTimer}`);
  }
  return value;
}

function retries(value) {
  if (!Number.isInteger(value) || value < 0 || value > 10) {
    throw new TypeError('maxRetries must be a whole number from 0 to 10');
  }
  return value;
}

function optionalFunction(value, name) {
  if (value !== undefined && typeof value !== 'function') {
    throw new TypeError(`${name} must be a function`);
  }
  return value;
}

function signal(value) {
  if (value !== undefined && (typeof value?.addEventListener !== 'function' || typeof value.aborted !== 'boolean')) {
    throw new TypeError('signal must be an AbortSignal');
  }
  return value;
}

module.exports = { text, apiKey, email, segment, milliseconds, retries, optionalFunction, signal };
