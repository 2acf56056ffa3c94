'use strict';

const { Through } = require('./through.js');

/**
 * Returns an interceptor for undici's `dispatcher.compose`, of versions 6 and 7. Compose others, such as that for redirects,
 * after it: then they see each hop before this one does.
 */
function vendgateInterceptor(options = {}) {
  const through = new Through(options);
  return (dispatch) => (call, handler) => {
    const pass = (hosts) => {
      const { origin, pathname, search } = new URL(hosts.map(targetOf(call)));
      return dispatch(
        { ...call, origin, path: pathname + search, headers: flat(through.headers(pairs(call.headers))) },
        handler,
      );
    };
    const fail = (error) => {
      call.body?.destroy?.(); // what it reads from is let go
      if (handler.onResponseError) handler.onResponseError(null, error);
      else handler.onError(error);
    };
    const attempt = (hosts) => {
      try {
        return pass(hosts);
      } catch (error) {
        fail(error);
        return true;
      }
    };
    if (through.known) return attempt(through.known);
    // A signal of undici may also be an EventEmitter, which ends the call once it is under way.
    through.hosts(call.signal?.addEventListener ? call.signal : undefined).then(attempt, fail);
    return true;
  };
}

/** The path is as the caller spelt it: undici takes it as it is. */
const targetOf = ({ origin, path }) => new URL(String(origin)).origin + path;

/** Headers come as a flat list, as pairs, or as an object whose values may be lists. */
function* pairs(headers) {
  if (!headers) return;
  const list = typeof headers[Symbol.iterator] === 'function' ? [...headers] : Object.entries(headers);
  const isFlat = Array.isArray(headers) && !Array.isArray(headers[0]);
  for (let i = 0; i < list.length; i += isFlat ? 2 : 1) {
    const [name, value] = isFlat ? [list[i], list[i + 1]] : list[i];
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null) yield [String(name), one];
    }
  }
}

const flat = (list) => list.flat();

module.exports = { vendgateInterceptor };
