'use strict';

const { errors, classOf } = require('./errors.js');
const { parseRetryAfter } = require('./pause.js');

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Returns text as the API's envelope, or undefined. The parser's error is dropped: it quotes what it could not read, and that
 * may be a credential.
 */
function parseEnvelope(text) {
  let envelope;
  try {
    envelope = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isObject(envelope) && typeof envelope.status === 'string' ? envelope : undefined;
}

const isRefusal = (envelope) =>
  envelope?.status === 'error' && typeof envelope.message === 'string' && typeof envelope.data?.code === 'string';

/** Returns the data of a successful answer, or throws what the answer says went wrong. */
function readAnswer(answer, call) {
  if (answer.status < 200 || answer.status > 299) throw refusalOf(answer, call);
  const envelope = parseEnvelope(answer.text);
  if (envelope?.status !== 'success' || !isObject(envelope.data) || !call.has(envelope.data)) {
    throw invalid(answer, 'the response is not from the Platform API; is baseUrl the URL of a Vendgate server?');
  }
  return envelope.data;
}

/**
 * Returns the error that a response means. Its code decides. Without one, only 429 and 503 mean the same from any proxy
 * in between; a proxy's own 404 must not be taken for a deleted connection.
 */
function refusalOf(answer, call) {
  const envelope = parseEnvelope(answer.text);
  const known = isRefusal(envelope);
  const fallback = { 429: errors.RateLimitedError, 503: errors.UpstreamUnavailableError }[answer.status];
  const Class = (known && classOf(envelope.data.code)) || fallback;
  if (!known && !Class) return invalid(answer, 'the response is not from the Platform API; is there a proxy in between?');
  return new (Class ?? errors.VendgateError)(known ? envelope.message : `the server answered ${answer.status}`, {
    status: answer.status,
    code: Class ? Class.code : envelope.data.code,
    response: known ? quote(envelope, call) : undefined,
    retryAfter: Class === errors.RateLimitedError || Class === errors.UpstreamUnavailableError ? parseRetryAfter(answer.retryAfter) : undefined,
  });
}

/** What a token call answered is quoted by its known parts only, so that no fault of a server puts a credential into an error. */
function quote(envelope, call) {
  if (!call.vends) return envelope;
  const { code, origin } = envelope.data;
  return { status: 'error', message: envelope.message, data: typeof origin === 'string' ? { code, origin } : { code } };
}

/** Says that an answer cannot be read; of its body it tells nothing. */
function invalid(answer, what) {
  return new errors.VendgateError(`HTTP ${answer.status}: ${what}`, { status: answer.status, code: 'invalid_response' });
}

module.exports = { readAnswer, invalid, isObject };
