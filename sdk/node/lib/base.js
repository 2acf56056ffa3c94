'use strict';

/** The path of the Platform API. */
const path = '/platform/v1';

/**
 * Returns the URL under which the Platform API is, without a trailing slash. baseUrl may name the server, or the API itself as a
 * raw REST client does.
 */
function resolve(baseUrl, allowHttp) {
  const given = baseUrl ?? globalThis.process?.env.VENDGATE_URL;
  if (given === undefined || given === '') {
    throw new TypeError('baseUrl is required, or the environment variable VENDGATE_URL: the URL of your Vendgate server, like https://connect.example.com');
  }
  const url = parse(given);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && (allowHttp || isLoopback(url.hostname)))) {
    throw new TypeError('baseUrl must be https: the tenant key and every credential travel over it. Plain http is taken for loopback only, or with allowHttp: true');
  }
  const folder = url.pathname.replace(/\/+$/, '');
  return url.origin + (folder.endsWith(path) ? folder : folder + path);
}

/** A password in the URL would reach logs, and a query or fragment would be lost. */
function parse(given) {
  let url;
  try {
    url = new URL(given);
  } catch {
    throw new TypeError('baseUrl must be an absolute URL, like https://connect.example.com');
  }
  if (url.username || url.password || url.search || url.hash) {
    throw new TypeError('baseUrl may have only a scheme, a host, a port and a path');
  }
  return url;
}

/** The URL parser has written every spelling of an IPv4 address in its common form. */
const isLoopback = (host) => host === 'localhost' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host);

module.exports = { resolve, path };
