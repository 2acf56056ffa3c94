'use strict';

/**
 * What every call rejects with; its subclasses are the codes that a caller acts on. A code without a class of its own
 * is a VendgateError, and so is what the SDK finds wrong itself.
 */
class VendgateError extends Error {
  constructor(message, { status, code, response, retryAfter, cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.status = status ?? new.target.status;
    this.code = code ?? new.target.code;
    this.response = response;
    this.retryAfter = retryAfter ?? new.target.retryAfter;
  }
}

class InvalidUserEmailError extends VendgateError {
  static status = 400;
  static code = 'invalid_user_email';
}

class InvalidRequestError extends VendgateError {
  static status = 400;
  static code = 'invalid_request';
}

class InvalidTenantKeyError extends VendgateError {
  static status = 401;
  static code = 'invalid_tenant_key';
}

class NeedsReconnectionError extends VendgateError {
  static status = 401;
  static code = 'needs_reconnection';
}

class CapabilityDisabledError extends VendgateError {
  static status = 403;
  static code = 'capability_disabled';
}

class PolicyDeniedError extends VendgateError {
  static status = 403;
  static code = 'policy_denied';
}

class ConnectionDeletedError extends VendgateError {
  static status = 404;
  static code = 'connection_deleted';
}

class UnknownAppError extends VendgateError {
  static status = 404;
  static code = 'unknown_app';
}

class ConnectionInUseError extends VendgateError {
  static status = 409;
  static code = 'connection_in_use';
}

class ConnectionNotActiveError extends VendgateError {
  static status = 409;
  static code = 'connection_not_active';
}

class RequestTooLargeError extends VendgateError {
  static status = 413;
  static code = 'request_too_large';
}

class RateLimitedError extends VendgateError {
  static status = 429;
  static code = 'rate_limited';
  /** Callers compute with it, so it is never undefined. */
  static retryAfter = 1;
}

class UpstreamUnavailableError extends VendgateError {
  static status = 503;
  static code = 'upstream_unavailable';
}

/** A call, or a wait, that took longer than it was given. */
class TimeoutError extends VendgateError {
  static code = 'timeout';
}

/** The classes that an answer's code may become. */
const refusals = {
  InvalidUserEmailError,
  InvalidRequestError,
  InvalidTenantKeyError,
  NeedsReconnectionError,
  CapabilityDisabledError,
  PolicyDeniedError,
  ConnectionDeletedError,
  UnknownAppError,
  ConnectionInUseError,
  ConnectionNotActiveError,
  RequestTooLargeError,
  RateLimitedError,
  UpstreamUnavailableError,
};

const errors = { VendgateError, ...refusals, TimeoutError };

// By these keys and not by Class.name, which a minifier changes.
for (const [name, Class] of Object.entries(errors)) {
  Object.defineProperty(Class.prototype, 'name', { value: name, configurable: true, writable: true });
}

const classes = new Map(Object.values(refusals).map((Class) => [Class.code, Class]));

/** Returns the class of a code, or undefined. */
const classOf = (code) => classes.get(code);

/**
 * Returns what kept a connection from being made or from lasting: a code such as ECONNREFUSED, or undefined. Node tries several
 * addresses of a host, and puts what came of each into one AggregateError.
 */
const causeOf = (error) =>
  [error?.cause, ...(error?.cause?.errors ?? []), error, ...(error?.errors ?? [])].find((e) => typeof e?.code === 'string')?.code;

module.exports = { errors, classOf, causeOf };
