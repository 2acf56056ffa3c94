// GitHub's own library, through the gateway.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Octokit, RequestError } from 'octokit';
import { octokitOf } from './examples/octokit.mjs';
import { binary, json } from './harness/answers.mjs';
import { connectionOf, email, tenantKey } from './harness/gateway.mjs';
import { through, useWorld } from './harness/world.mjs';

const world = useWorld('github');
const timeout = 50_000;
const connection = connectionOf('github');

const silent = (octokit) => {
  Object.assign(octokit.log, { warn() {}, error() {} });
  return octokit;
};
const client = () => silent(octokitOf(connection, world.keys.github));

/** A client with a tenant key, which may ask for the provider's errors; a caller key may not. */
const tenants = () => silent(new Octokit({ baseUrl: `${world.url}/proxy/${connection}/github`, auth: tenantKey }));

test('octokit: who am I', { timeout }, async () => {
  world.github.answers(json(200, { login: 'octocat' }, { 'x-github-request-id': 'A1', etag: 'W/"1"' }));
  const { data, headers } = await client().rest.users.getAuthenticated();
  assert.equal(data.login, 'octocat');
  assert.deepEqual([headers['x-github-request-id'], headers.etag], ['A1', 'W/"1"']);
  await world.github.took('GET /user');
});

test('octokit: a path and a body arrive as they are', { timeout }, async () => {
  const body = { message: 'Größe', content: Buffer.from('🐘').toString('base64'), branch: 'a/b' };
  world.github.answers(json(201, { content: { path: 'docs/a b.md' } }));
  await client().rest.repos.createOrUpdateFileContents({ owner: 'octo', repo: 'hello', path: 'docs/a b%2F#.md', ...body });
  const [got] = await world.github.took('PUT /repos/octo/hello/contents/docs%2Fa%20b%252F%23.md');
  assert.equal(got.body.toString(), JSON.stringify(body));
});

test('octokit: a list fetches its next pages by Link, through the gateway', { timeout }, async () => {
  const told = [];
  const page = (id, next) => (res) => {
    const link = next && `<http://${world.github.host}/repositories/1/issues?state=all&per_page=1&page=${next}>; rel="next", <http://${world.github.host}/repositories/1/issues?page=3>; rel="last"`;
    told.push(link);
    json(200, [{ id }], link ? { link } : {})(res);
  };
  world.github.answers(page(1, 2), page(2, 3), page(3));
  const octokit = client();
  const seen = [];
  const ids = await octokit.paginate(octokit.rest.issues.listForRepo, { owner: 'octo', repo: 'hello', state: 'all', per_page: 1 }, ({ data, headers }) => {
    seen.push(headers.link);
    return data.map(({ id }) => id);
  });
  assert.deepEqual(ids, [1, 2, 3]);
  assert.deepEqual(seen, told.map((link) => link?.replaceAll(`http://${world.github.host}`, `${world.url}/proxy/${connection}/github`)));
  await world.github.took(
    'GET /repos/octo/hello/issues?state=all&per_page=1',
    'GET /repositories/1/issues?state=all&per_page=1&page=2',
    'GET /repositories/1/issues?state=all&per_page=1&page=3',
  );
});

test('octokit: GraphQL', { timeout }, async () => {
  world.github.answers(json(200, { data: { viewer: { login: 'octocat' } } }));
  assert.deepEqual(await client().graphql('query { viewer { login } }'), { viewer: { login: 'octocat' } });
  const [got] = await world.github.took('POST /graphql');
  assert.equal(got.body.toString(), JSON.stringify({ query: 'query { viewer { login } }' }));
});

const limited = (status) => json(status, { message: 'You have exceeded a secondary rate limit.' }, { 'retry-after': '1' });

// GitHub says 403 or 429. Retry-After is heeded by the library's throttling plugin, which sees a 429 only if the retry plugin, in its
// own time, has not succeeded; and which knows it by GitHub's own words.
for (const [status, site, retries] of [[403, 'url'], [403, 'passthrough'], [429, 'passthrough', 0]]) {
  test(`octokit: waits as Retry-After of a ${status} says, at the gateway’s ${site}`, { timeout }, async () => {
    world.github.answers(limited(status), json(200, { login: 'octocat' }));
    const asked = performance.now();
    const { data } = await through(world[site], client).rest.users.getAuthenticated({ request: { retries } });
    assert.equal(data.login, 'octocat');
    const waited = performance.now() - asked;
    assert.ok(waited > 950, `waited ${waited} ms`);
    await world.github.took('GET /user', 'GET /user');
  });
}

test('octokit: repeats a mapped 429 in its own time, and a program finds Retry-After in the error', { timeout }, async () => {
  world.github.answers(limited(429), json(200, { login: 'octocat' }), limited(429));
  const octokit = client();
  assert.equal((await octokit.rest.users.getAuthenticated()).data.login, 'octocat');
  await assert.rejects(octokit.rest.users.getAuthenticated({ request: { retries: 0 } }), (err) => {
    assert.deepEqual([err.status, err.response.headers['retry-after'], err.response.data.data.code], [429, '1', 'rate_limited']);
    return true;
  });
  await world.github.took('GET /user', 'GET /user', 'GET /user');
});

test('octokit: a mapped 403 of an exhausted quota says when to come back', { timeout }, async () => {
  const reset = Math.ceil(Date.now() / 1000) + 60;
  world.github.answers(json(403, { message: 'API rate limit exceeded' }, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(reset) }));
  await assert.rejects(client().rest.users.getAuthenticated({ request: { retries: 0 } }), (err) => {
    assert.deepEqual([err.status, err.response.data.data.code], [429, 'rate_limited']);
    const seconds = Number(err.response.headers['retry-after']);
    assert.ok(seconds > 30 && seconds <= 61, `${seconds} seconds`);
    return true;
  });
  await world.github.took('GET /user');
});

const refusal = { message: 'Bad credentials', documentation_url: 'https://docs.github.com/rest', status: '401' };

for (const [name, site, headers] of [
  ['by the gateway', 'passthrough', {}],
  ['by a header of the request', 'url', { 'vendgate-errors': 'passthrough', 'x-user-email': email }],
]) {
  test(`octokit: its errors are those of the provider where they pass through ${name}`, { timeout }, async () => {
    world.github.answers(json(401, refusal));
    const octokit = Object.keys(headers).length > 0 ? tenants() : through(world[site], client);
    await assert.rejects(octokit.rest.users.getAuthenticated({ headers }), (err) => {
      assert.ok(err instanceof RequestError, err.constructor.name);
      assert.deepEqual([err.status, err.response.data], [401, refusal]);
      assert.equal(err.response.headers['vendgate-code'], 'needs_reconnection');
      return true;
    });
    await world.github.took('GET /user');
  });
}

test('octokit: a mapped 401 has the gateway’s code, and the provider’s answer within', { timeout }, async () => {
  world.github.answers(json(401, refusal));
  await assert.rejects(client().rest.users.getAuthenticated(), (err) => {
    assert.deepEqual([err.status, err.response.data.data.code], [401, 'needs_reconnection']);
    assert.deepEqual(JSON.parse(err.response.data.data.upstream.body), refusal);
    return true;
  });
  await world.github.took('GET /user');
});

test('octokit: a 422 is the provider’s also where errors are mapped', { timeout }, async () => {
  const errors = [{ resource: 'Issue', field: 'title', code: 'missing_field' }];
  world.github.answers(json(422, { message: 'Validation Failed', errors }));
  await assert.rejects(client().rest.issues.create({ owner: 'octo', repo: 'hello', title: '' }), (err) => {
    assert.deepEqual([err.status, err.response.data.errors], [422, errors]);
    return true;
  });
  await world.github.took('POST /repos/octo/hello/issues');
});

test('octokit: a release’s file goes to GitHub’s host for uploads through the gateway', { timeout }, async () => {
  world.elsewhere.answers(json(201, { id: 1, state: 'uploaded' }));
  const asset = { owner: 'octo', repo: 'hello', release_id: 1, name: 'a.bin', label: 'a file', data: binary, headers: { 'content-type': 'application/octet-stream' } };
  assert.equal((await client().rest.repos.uploadReleaseAsset(asset)).data.state, 'uploaded');
  const [got] = await world.elsewhere.took('POST http://uploads.github.com/repos/octo/hello/releases/1/assets?name=a.bin&label=a%20file');
  assert.ok(got.body.equals(binary), 'the file differs');
});

test('octokit: what goes past the gateway is not sent', { timeout }, async () => {
  await assert.rejects(client().request(`GET http://${world.github.host}/user`), /is not the gateway/);
  await world.github.took();
});
