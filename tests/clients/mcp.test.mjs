// The official MCP client, through the gateway to servers of the official SDK.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { apps, connectionOf, email, startGateway, tenantKey } from './harness/gateway.mjs';

const timeout = 50_000;
const headers = { authorization: `Bearer ${tenantKey}`, 'x-user-email': email };
const world = { requests: [], sessions: {}, absolute: false };

function mcpServer() {
  const server = new McpServer({ name: 'provider', version: '1.0.0' });
  server.registerTool('ping', { description: 'answers' }, async () => ({ content: [{ type: 'text', text: 'pong' }] }));
  return server;
}

/** The old transport: a stream whose first event names where to post. */
async function openStream(res) {
  const transport = new SSEServerTransport('/messages', res);
  world.sessions[transport.sessionId] = transport;
  const write = res.write.bind(res);
  if (world.absolute) res.write = (text, ...more) => write(text.replace('data: /messages', `data: http://${world.host}/messages`), ...more);
  await mcpServer().connect(transport);
}

async function provide(req, res) {
  world.requests.push(`${req.method} ${req.url}`);
  const { pathname, searchParams } = new URL(req.url, 'http://x');
  const metadata = `Bearer error="insufficient_scope", resource_metadata="http://${world.host}/.well-known/oauth-protected-resource", scope="a b"`;
  if (pathname === '/refusing') return res.writeHead(401, { 'www-authenticate': metadata }).end();
  if (req.headers.authorization !== `Bearer ${apps.github.secret}`) return res.writeHead(418).end(); // no credential of the gateway's
  if (pathname === '/sse') return openStream(res);
  if (pathname === '/messages') return world.sessions[searchParams.get('sessionId')].handlePostMessage(req, res);
  if (pathname === '/mcp') {
    const known = world.streams.get(req.headers['mcp-session-id']);
    if (known) return known.handleRequest(req, res);
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: randomUUID, onsessioninitialized: (id) => world.streams.set(id, transport) });
    await mcpServer().connect(transport);
    return transport.handleRequest(req, res);
  }
  return res.writeHead(404).end();
}

before(async () => {
  world.streams = new Map();
  world.server = createServer(provide).listen(0, '127.0.0.1');
  await once(world.server, 'listening');
  world.host = `127.0.0.1:${world.server.address().port}`;
  world.gateway = await startGateway({ openai: world.host, slack: world.host, github: world.host }, world.host);
});

after(async () => {
  world.server.close();
  world.server.closeAllConnections();
  await world.gateway.stop();
});

const urlOf = (port, path) => new URL(`http://127.0.0.1:${port}/proxy/${connectionOf('github')}/github${path}`);

/** Connects, lists and calls; returns what the provider got. */
async function useServer(transport) {
  world.requests.length = 0;
  const client = new Client({ name: 'vendgate-tests', version: '1.0.0' });
  await client.connect(transport);
  try {
    assert.deepEqual((await client.listTools()).tools.map(({ name }) => name), ['ping']);
    const { content } = await client.callTool({ name: 'ping', arguments: {} });
    assert.deepEqual(content, [{ type: 'text', text: 'pong' }]);
  } finally {
    await client.close();
  }
  return world.requests.splice(0);
}

for (const absolute of [false, true]) {
  test(`MCP over HTTP with SSE, the endpoint ${absolute ? 'an absolute URL' : 'a path'}`, { timeout }, async () => {
    world.absolute = absolute;
    const got = await useServer(new SSEClientTransport(urlOf(world.gateway.mapped, '/sse'), { requestInit: { headers } }));
    assert.equal(got[0], 'GET /sse');
    assert.ok(got.length >= 4 && got.slice(1).every((line) => /^POST \/messages\?sessionId=[0-9a-f-]+$/.test(line)), got.join('\n'));
  });
}

test('MCP over streamable HTTP', { timeout }, async () => {
  const got = await useServer(new StreamableHTTPClientTransport(urlOf(world.gateway.mapped, '/mcp'), { requestInit: { headers } }));
  assert.ok(got.includes('POST /mcp'), got.join('\n'));
});

test('MCP: a refusal leads no client to the discovery of the provider', { timeout }, async () => {
  for (const Transport of [StreamableHTTPClientTransport, SSEClientTransport]) {
    world.requests.length = 0;
    const authProvider = {
      redirectUrl: 'http://localhost/callback',
      clientMetadata: { redirect_uris: ['http://localhost/callback'] },
      clientInformation: () => ({ client_id: 'x' }),
      tokens: () => undefined,
      saveTokens() {},
      redirectToAuthorization() {},
      saveCodeVerifier() {},
      codeVerifier: () => 'x',
    };
    const transport = new Transport(urlOf(world.gateway.passthrough, '/refusing'), { requestInit: { headers }, authProvider });
    await assert.rejects(new Client({ name: 'vendgate-tests', version: '1.0.0' }).connect(transport));
    assert.ok(world.requests.length > 0 && world.requests.every((line) => / \/refusing$/.test(line)), world.requests.join('\n'));
  }
  const res = await fetch(urlOf(world.gateway.passthrough, '/refusing'), { headers });
  assert.equal(res.headers.get('www-authenticate'), 'Bearer error="insufficient_scope", scope="a b"');
});
