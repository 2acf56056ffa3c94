'use strict';

const { errors } = require('./errors.js');

/** What may stand where, as regular expressions: one DNS label, and several. */
const label = '[a-z0-9](?:[a-z0-9-]*[a-z0-9])?';
const labels = `${label}(?:\\.${label})*`;
const usualPorts = { https: '443', http: '80' };

/** Maps URLs of an app's hosts to the gateway's, byte for byte, and refuses all others. testdata/hosts.json says how. */
class Hosts {
  #root;
  #prefix;
  #app;
  #hosts;
  #fields;

  /**
   * `root` is the gateway's URL without a slash at its end, `hosts` is that of `GET /apps/{id}`, and `fields` are the
   * connection's open ones, where they are known.
   */
  constructor({ root, connection, app, hosts, fields = {} }) {
    this.#root = parse(root);
    this.#prefix = `${this.#root.path.replace(/\/+$/, '')}/proxy/${escape(connection)}/${escape(app)}`;
    this.#app = app;
    this.#fields = fields;
    this.#hosts = hosts
      .map((host) => ({
        ...host,
        scheme: host.scheme ?? 'https',
        own: this.#pattern(host, fields),
        any: this.#pattern(host),
      }))
      .sort(before);
  }

  /** Returns the gateway's URL for one of the app's, or of the gateway itself for this connection. Throws for all others. */
  map(raw) {
    const url = parse(raw);
    if (holdsDots(url.path)) {
      throw refusal('dots', 'the path holds dot segments, which servers resolve: write it without them');
    }
    if (url.scheme === this.#root.scheme && url.host === this.#root.host) return this.#own(url);
    const here = this.#hosts.filter(({ scheme, any }) => scheme === url.scheme && any.test(url.host));
    // A path of the gateway's, in Location or Link, that a client has resolved against the provider's URL.
    const linked = cut(url.path, this.#prefix);
    if (here.length > 0 && linked !== undefined) return this.#url(linked + url.query);
    if (here.length === 0) {
      throw refusal(
        'host',
        `${shown(url)} is not a host of ${this.#app}, which has ${this.#hosts.map(shown).join(', ')}: nothing was sent there`,
      );
    }
    const mine = here.filter(({ own }) => own.test(url.host));
    if (mine.length === 0) {
      throw refusal(
        'account',
        `${url.host} is not known to be the host of this connection of ${this.#app}: its fields say which is, nothing was sent`,
      );
    }
    for (const host of mine) {
      const rest = this.#below(host, url);
      if (rest !== undefined) return this.#url(placeOf(host, url.host) + rest + url.query);
    }
    throw refusal('path', `${url.path} is outside of what ${this.#app} has at ${url.host}: nothing was sent`);
  }

  #url(rest) {
    return `${this.#root.scheme}://${this.#root.host}${this.#prefix}${rest}`;
  }

  /** The gateway rewrites links to the app's hosts to its own URLs: those of another connection are refused. */
  #own(url) {
    const rest = cut(url.path, this.#prefix);
    if (rest === undefined) {
      throw refusal(
        'gateway',
        `${url.path} of the gateway does not belong to this connection of ${this.#app}: nothing was sent`,
      );
    }
    return this.#url(rest + url.query);
  }

  /** Returns what follows the base path, or undefined for a path that is not at this place. */
  #below(host, url) {
    const site = this.#sitePath(host);
    if (host.paths) {
      const rest = cut(url.path, site);
      return rest !== undefined && host.paths.some((path) => pathPattern(path).test(rest)) ? rest : undefined;
    }
    const parts = `${site}${host.base_path}`
      .split(/\{([^{}]*)\}/)
      .map((text, i) => (i % 2 === 0 ? { text } : { slot: text }));
    const pattern = new RegExp(
      `^${parts.map(({ text, slot }) => (slot === undefined ? quote(text) : '([^/]+?)')).join('')}(?=/|$)`,
    );
    const found = url.path.match(pattern);
    if (!found) return undefined;
    parts.filter(({ slot }) => slot !== undefined).forEach(({ slot }, i) => this.#checkSegment(slot, found[i + 1]));
    const rest = url.path.slice(found[0].length);
    if (host.path === '' && this.#hosts.some(({ path }) => path.startsWith('/~')) && mayBePlace(rest)) return undefined;
    return rest;
  }

  #checkSegment(name, raw) {
    const value = this.#fields[name];
    if (value !== undefined && value !== raw && value !== decode(raw)) {
      throw refusal(
        'account',
        `${raw} in the path is not the ${name} of this connection of ${this.#app}: nothing was sent`,
      );
    }
  }

  /** The path below which a site lives that people host themselves. */
  #sitePath(host) {
    const [name] = Object.entries(host.slots ?? {}).find(([, { site_path }]) => site_path) ?? [];
    return (this.#fields[name]?.match(/\/.*$/)?.[0] ?? '').replace(/\/+$/, '');
  }

  /** Compiles the pattern of a host. With fields, their values stand in the slots, and what only they can say matches nothing else. */
  #pattern({ host, field, slots = {}, scheme = 'https' }, fields) {
    const named = fields?.[field];
    const text = host.split(/(\{[^{}]*\}|\*\*?)/).map((part) => {
      if (part === '*') return '[a-z0-9-]+'; // within a label; the gateway looks more closely
      if (part === '**') return labels;
      return part.startsWith('{') ? slotPattern(part.slice(1, -1), slots, fields, scheme) : quote(part.toLowerCase());
    });
    const all = `^${text.join('')}$`;
    return new RegExp(named === undefined ? all : `(?=${all})^${quote(named.toLowerCase())}$`);
  }
}

/** Fixed hosts come before patterns, long base paths before short ones, and some paths before all. */
const before = (a, b) =>
  rank(a) - rank(b) || b.base_path.length - a.base_path.length || Boolean(b.paths) - Boolean(a.paths);
const rank = ({ host, field }) => (field === undefined ? 0 : 2) + (/[{*]/.test(host) ? 1 : 0);

function slotPattern(name, slots, fields, scheme) {
  const { kind, options } = slots[name] ?? {};
  const value = fields?.[name];
  if (value !== undefined) return quote(withoutPort(value.replace(/\/.*$/, '').toLowerCase(), scheme));
  if (options?.length) return `(?:${options.map((option) => quote(option.toLowerCase())).join('|')})`;
  if (kind === 'host') return fields === undefined ? '.+' : '(?!)'; // any host could be the site: only a field can say
  return kind === 'labels' ? labels : label;
}

/** A pattern of paths: `*` matches within a segment, and `**` one segment or more. The gateway looks more closely. */
function pathPattern(pattern) {
  const segments = pattern
    .slice(1)
    .split('/')
    .map((segment) => (segment === '**' ? '.+' : segment.split('*').map(quote).join('[^/]*')));
  return new RegExp(`^/${segments.join('/')}$`);
}

const quote = (text) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
const shown = ({ scheme, host }) => (scheme === 'http' ? `http://${host}` : host);

/** The host that is called takes the place of a pattern. */
const placeOf = ({ host, path }, called) => (/[{*]/.test(host) ? path.replace(host, () => called) : path);

/** Returns what follows prefix, at the end of a segment, or undefined. */
function cut(path, prefix) {
  if (!path.startsWith(prefix)) return undefined;
  const rest = path.slice(prefix.length);
  return rest === '' || rest.startsWith('/') ? rest : undefined;
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Calls reads with each reading of a path: as it is, decoded, decoded again. Servers in between may decode once more. */
function inAnyReading(path, reads) {
  for (;;) {
    if (reads(path)) return true;
    const decoded = path.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
    if (decoded === path) return false;
    path = decoded;
  }
}

const isDots = (segment) => /^\.\.?$/.test(segment.split(';', 1)[0]);
const holdsDots = (path) => inAnyReading(path, (reading) => reading.split(/[/\\]/).some(isDots));
const mayBePlace = (path) => inAnyReading(path, (reading) => /^\/*~/.test(reading));

const withoutPort = (host, scheme) =>
  host.endsWith(`:${usualPorts[scheme]}`) ? host.slice(0, host.lastIndexOf(':')) : host;

/**
 * Takes an absolute URL apart without changing a byte of path and query, except for what WHATWG's parser has changed of a URL
 * that fetch is given: dot segments, backslashes, international names.
 */
function parse(raw) {
  let url;
  try {
    url = new URL(raw);
  } catch {
    throw refusal('url', 'the URL is not absolute, or not valid: write it like https://api.example.com/v1');
  }
  const scheme = url.protocol.slice(0, -1);
  if (!(scheme in usualPorts)) {
    throw refusal('url', `${url.protocol} is not a scheme that the gateway forwards: write https`);
  }
  if (url.username || url.password) throw refusal('url', 'the URL holds user info: take it out');
  const [before] = url.href.split('#', 1);
  const [, path, query] = before.slice(url.origin.length).match(/^([^?]*)(.*)$/s);
  // The dot of the root names the same host.
  const host = url.port === '' ? url.hostname.replace(/\.$/, '') : `${url.hostname.replace(/\.$/, '')}:${url.port}`;
  return { scheme, host, path, query };
}

/** Returns value as one segment of a path, in the one spelling of all of Vendgate's SDKs. */
const escape = (value) =>
  encodeURIComponent(value).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

function refusal(reason, message) {
  return Object.assign(new errors.VendgateError(message, { code: 'url_refused' }), { reason });
}

module.exports = { Hosts, refusal };
