'use strict';

const http = require('node:http');
const { createHash, randomBytes } = require('node:crypto');
const { once } = require('node:events');

const client = { id: 'sdk-test', secret: randomBytes(16).toString('hex') };
const goodKey = `sk-${randomBytes(16).toString('hex')}`;

/**
 * Starts a third-party API: with OAuth (code flow with PKCE S256, rotating refresh tokens, revocation), and with a key. The
 * refresh token "revoked" is refused, and "outage" answered 503. `calls` counts requests by path.
 */
async function startProvider(t) {
  const provider = { calls: {}, tokens: new Set(), revoked: new Set(), codes: new Map(), goodKey, client };
  const server = http.createServer(async (req, res) => {
    const url = new URL(req.url, 'http://provider');
    provider.calls[url.pathname] = (provider.calls[url.pathname] ?? 0) + 1;
    const chunks = [];
    for await (const chunk of req) chunks.push(chunk);
    const route = routes[`${req.method} ${url.pathname}`] ?? (() => answer(404, {}));
    const { status, body, headers } = route(provider, url, new URLSearchParams(Buffer.concat(chunks).toString()), req.headers);
    res.writeHead(status, { 'content-type': 'application/json', ...headers });
    res.end(JSON.stringify(body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  provider.url = `http://127.0.0.1:${server.address().port}`;
  return provider;
}

const answer = (status, body, headers) => ({ status, body, headers });

const routes = {
  // The end user is signed in there and consents without a word.
  'GET /authorize': (p, { searchParams: q }) => {
    if (q.get('client_id') !== client.id || q.get('code_challenge_method') !== 'S256') return answer(400, { error: 'invalid_request' });
    const code = randomBytes(16).toString('hex');
    p.codes.set(code, q.get('code_challenge'));
    const back = new URL(q.get('redirect_uri'));
    back.searchParams.set('code', code);
    back.searchParams.set('state', q.get('state'));
    return answer(302, {}, { location: String(back) });
  },
  'POST /token': (p, _, form) => {
    if (form.get('client_id') !== client.id || form.get('client_secret') !== client.secret) return answer(401, { error: 'invalid_client' });
    if (form.get('grant_type') === 'authorization_code') {
      const challenge = createHash('sha256').update(form.get('code_verifier') ?? '').digest('base64url');
      const asked = p.codes.get(form.get('code'));
      p.codes.delete(form.get('code'));
      return challenge === asked ? grant(p) : answer(400, { error: 'invalid_grant' });
    }
    if (form.get('refresh_token') === 'outage') return answer(503, {});
    return form.get('refresh_token') === 'revoked' ? answer(400, { error: 'invalid_grant' }) : grant(p);
  },
  'POST /revoke': (p, _, form) => {
    p.revoked.add(form.get('token'));
    return answer(200, {});
  },
  'GET /gmail/v1/users/me/profile': (p, _, __, headers) => {
    const [scheme, token] = (headers.authorization ?? '').split(' ');
    return scheme === 'Bearer' && p.tokens.has(token) ? answer(200, { emailAddress: 'alice@example.com' }) : answer(401, {});
  },
  'GET /key/models': (_, __, ___, headers) => (headers.authorization === `Bearer ${goodKey}` ? answer(200, { data: [] }) : answer(401, {})),
};

function grant(p) {
  const token = `ya29.${randomBytes(16).toString('hex')}`;
  p.tokens.add(token);
  return answer(200, { access_token: token, token_type: 'Bearer', expires_in: 3600, refresh_token: `1//${randomBytes(16).toString('hex')}` });
}

module.exports = { startProvider };
