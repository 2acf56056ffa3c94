// The APIs by the clients of others: the official MCP client, and a validator of OpenAPI documents.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Validator } from '@seriousme/openapi-schema-validator';
import { right } from '../harness/server.mjs';
import { connectByForm, says, sees } from '../harness/steps.mjs';
import { alice } from '../harness/world.mjs';
import { world } from '../suite.mjs';

const tools = ['check_connection_status', 'create_connection_link', 'list_connections', 'search_apps'];

async function connectClient(t, url, headers = {}) {
  const client = new Client({ name: 'vendgate-tests', version: '1.0.0' });
  t.after(() => client.close());
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
  return client;
}

/** Calls every tool, makes a connection by the link that the agent got, and returns all that the agent was told. */
async function useEveryTool(t, client) {
  const told = [];
  const call = async (name, args) => {
    const result = await client.callTool({ name, arguments: args });
    told.push(result);
    assert.notEqual(result.isError, true, `${name}: ${JSON.stringify(result.content)}`);
    return result.structuredContent;
  };
  const { tools: listed } = await client.listTools();
  assert.deepEqual(listed.map(({ name }) => name).sort(), tools);
  const { apps } = await call('search_apps', { query: 'the vault' });
  assert.equal(apps[0].id, 'vault');
  const { connection_id, request_link } = await call('create_connection_link', { app_id: apps[0].id, name: 'By an agent' });
  assert.equal((await call('check_connection_status', { connection_id })).status, 'pending');
  const { page } = await world().visitor(t);
  await connectByForm(page, request_link, { 'API key': right.key });
  await sees(page, says.created);
  assert.equal((await call('check_connection_status', { connection_id })).status, 'active');
  const { connections } = await call('list_connections', {});
  assert.deepEqual(connections.map(({ id }) => id), [connection_id]);
  return { told: JSON.stringify(told), connection_id, request_link };
}

test('MCP: the official client, by key and end user', async (t) => {
  const { gateway } = world();
  const tenant = await world().tenant('mcp-key');
  const url = `${gateway.api}/platform/v1/mcp`;
  const client = await connectClient(t, url, { authorization: `Bearer ${tenant.key}`, 'x-user-email': alice });
  const { told, connection_id, request_link } = await useEveryTool(t, client);
  assert.equal(told.includes(right.key), false, 'the agent learnt the credential');
  assert.equal(told.includes(tenant.key), false, 'the agent learnt the tenant key');
  const token = request_link.split('/').at(-1);
  assert.equal(told.replaceAll(request_link, '').includes(token), false, 'the request token is somewhere else than in the link');
  assert.equal((await tenant.client.getConnection(alice, connection_id)).name, 'By an agent');

  const other = await connectClient(t, url, { authorization: `Bearer ${tenant.key}`, 'x-user-email': 'bob@example.com' });
  const result = await other.callTool({ name: 'check_connection_status', arguments: { connection_id } });
  assert.equal(result.isError, true);
  assert.match(result.content[0].text, /^connection_deleted/);
  await assert.rejects(connectClient(t, url, { authorization: `Bearer ${tenant.key}` }), /400|invalid_user_email/);
  await assert.rejects(connectClient(t, url, { authorization: 'Bearer pk_live_wrong', 'x-user-email': alice }), /401|invalid_tenant_key/);
});

test('MCP: the official client, by a URL alone', async (t) => {
  const { gateway } = world();
  const tenant = await world().tenant('mcp-url');
  const url = (await gateway.mcpURL(tenant.name)).replace(gateway.url, gateway.api);
  const { told, connection_id } = await useEveryTool(t, await connectClient(t, url));
  assert.equal(told.includes(right.key), false, 'the agent learnt the credential');
  assert.equal(told.includes(url.split('/').at(-1)), false, 'the agent was told the URL');
  const own = await tenant.client.getConnection('hello@mcp-url.example', connection_id);
  assert.equal(own.status, 'active', 'it is the tenant’s own account that the agent acts for');

  const changed = url.slice(0, -1) + (url.endsWith('a') ? 'b' : 'a');
  await assert.rejects(connectClient(t, changed), /401|invalid_tenant_key/);
  await gateway.mcpURL(tenant.name); // takes the place of the one before
  await assert.rejects(connectClient(t, url), /401|invalid_tenant_key/);
});

test('OpenAPI: the document that the gateway serves is valid, and describes every call', async () => {
  const response = await fetch(`${world().gateway.api}/platform/v1/openapi.json`);
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type'), /^application\/json/);
  const document = await response.json();
  assert.match(document.openapi, /^3\.1\./);
  const { valid, errors } = await new Validator().validate(document);
  assert.deepEqual({ valid, errors }, { valid: true, errors: undefined });
  const calls = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.keys(item)
      .filter((method) => ['get', 'put', 'post', 'delete'].includes(method))
      .map((method) => `${method.toUpperCase()} ${path.replace(/{[^}]*}/g, '{}')}`),
  );
  for (const call of [
    'GET /apps',
    'GET /apps/{}',
    'POST /connections/request-link',
    'POST /connections/{}/request-link',
    'GET /connections',
    'GET /connections/{}',
    'POST /connections/{}/token',
    'DELETE /connections/{}',
    'PUT /connections/{}/holds/{}',
    'DELETE /connections/{}/holds/{}',
    'POST /mcp',
    'POST /mcp/{}',
  ]) {
    assert.ok(calls.includes(call), `${call} is not described: ${calls}`);
  }
});
