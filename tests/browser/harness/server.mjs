// Small servers that the tests play: the APIs behind the apps, and the tenant's own product.
import { once } from 'node:events';
import { createServer } from 'node:http';

/** Starts an HTTP server on loopback. handle gets the request, the response and the body. */
export async function serve(handle, host = '127.0.0.1') {
  const server = createServer(async (req, res) => {
    const chunks = [];
    for await (const chunk of req) chunks.push(chunk);
    handle(req, res, Buffer.concat(chunks).toString());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://${host}:${server.address().port}`,
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}

export function answer(res, status, body, headers = {}) {
  const isText = typeof body === 'string';
  res.writeHead(status, { 'content-type': isText ? 'text/html; charset=utf-8' : 'application/json', ...headers });
  res.end(isText ? body : JSON.stringify(body));
}

/** What the APIs accept. */
export const right = {
  key: 'right-key-canary',
  narrow: 'narrow-key-canary',
  basic: { username: 'alice', password: 'right-password-canary' },
  header: { 'X-Account': 'acct-7', 'X-Token': 'right-token-canary' },
};

/**
 * Starts the APIs that the apps of the gateway call. `calls` are the requests that arrived, `{ method, url, headers }`, since the
 * last `calls.length = 0`. What a bearer token is worth the authorization server says.
 */
export async function startAPIs(authserver) {
  const calls = [];
  const basic = `Basic ${Buffer.from(`${right.basic.username}:${right.basic.password}`).toString('base64')}`;
  const accepts = {
    crm: async (headers) => (await fetch(`${authserver.url}/api/me`, { headers: { authorization: headers.authorization ?? '' } })).ok,
    harbour: (headers) => headers['x-api-key'] === right.key,
    vault: (headers) => headers['x-api-key'] === right.key,
    desk: (headers) => headers.authorization === basic,
    beacon: (headers) => headers['x-account'] === right.header['X-Account'] && headers['x-token'] === right.header['X-Token'],
  };
  const server = await serve(async ({ method, url, headers }, res) => {
    calls.push({ method, url, headers });
    const [, api, what] = url.split('/');
    // An API whose keys may lack the permission to look at themselves.
    if (api === 'harbour' && headers['x-api-key'] === right.narrow) return answer(res, what === 'me' ? 403 : 200, { ok: what !== 'me' });
    const ok = await accepts[api]?.(headers);
    if (ok === undefined) return answer(res, 404, { error: 'no such API' });
    return ok ? answer(res, 200, { ok: true, url }) : answer(res, 401, { error: 'wrong <script>alert(1)</script> credential' });
  });
  return { ...server, calls };
}
