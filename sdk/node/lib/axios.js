'use strict';

const { Through } = require('./through.js');

/**
 * Returns an adapter for axios, of 1.5 or later: `axios.create({ adapter: vendgateAxios(axios, options) })`. Calls go out by axios's
 * own adapter for Node's http, so that streams, time-outs and progress work as ever. Proxies of the environment are not used: for
 * loopback too, and to some versions in plain, they would be told the key.
 */
function vendgateAxios(axios, options = {}) {
  if (typeof axios?.getAdapter !== 'function') {
    throw new TypeError('the first argument must be axios itself, version 1.5 or later');
  }
  const through = new Through(options);
  const send = axios.getAdapter('http');
  return async (config) => {
    const hosts = await through.hosts(config.signal);
    const url = hosts.map(axios.getUri(config));
    const headers = config.headers.constructor.from(
      Object.fromEntries(through.headers(Object.entries(config.headers.toJSON()))),
    );
    const beforeRedirect = (call, ...more) => {
      lead(call, hosts.map(call.href), through);
      config.beforeRedirect?.(call, ...more);
    };
    const call = { ...config, url, headers, beforeRedirect, baseURL: undefined, params: undefined, auth: undefined };
    try {
      return withoutKey(await send({ ...call, proxy: config.proxy ?? false }), config);
    } catch (error) {
      throw withoutKey(error, config);
    }
  };
}

/** Answers and errors are logged whole, and toJSON of an error shows config: they get the caller's, which does not hold the key. */
function withoutKey(result, config) {
  for (const one of [result, result?.response]) {
    if (one?.config) one.config = config;
    if (one?.request) Object.defineProperty(one, 'request', { enumerable: false });
  }
  return result;
}

/**
 * Makes the options of follow-redirects lead to a URL of the gateway. It has cut headers where they led to another host, and would
 * have carried the others along to there.
 */
function lead(call, url, through) {
  const { protocol, hostname, port, pathname, search, href } = new URL(url);
  const headers = Object.fromEntries(through.headers(Object.entries(call.headers)));
  Object.assign(call, {
    protocol,
    hostname: hostname.replace(/^\[|\]$/g, ''),
    port,
    pathname,
    search,
    path: pathname + search,
    href,
    headers,
  });
}

module.exports = { vendgateAxios };
