// GitHub (https://docs.github.com/rest): lists by Link, release files at a host of their own. More is in octokit.test.mjs.
import assert from 'node:assert/strict';
import { buffer } from 'node:stream/consumers';
import { RequestError } from 'octokit';
import { binary, json } from '../harness/answers.mjs';
import { bearer, limited, redirect, refused } from '../harness/features.mjs';
import { row } from '../harness/rows.mjs';

const host = 'api.github.com';
const uploads = 'uploads.github.com';
const secret = 'gho_provider_canary_0123456789';
const ask = (client) => client.rest.users.getAuthenticated();

export default row('github', {
  fields: { access_token: secret },
  hosts: [host, uploads],
  credential: bearer(secret),
  make({ octokitOf }, key) {
    const octokit = octokitOf('alice-github', key);
    return Object.assign(octokit, { log: { ...octokit.log, warn() {}, error() {} } });
  },
  hooks: [{ export: 'Octokit', option: 'baseUrl' }, { export: 'Octokit', option: 'request.fetch' }],
  call: ask,

  async list({ client, answer, took }) {
    const link = `<https://${host}/repositories/1/issues?per_page=1&page=2>; rel="next"`;
    answer(host, json(200, [{ id: 1 }], { link }), json(200, [{ id: 2 }]));
    const issues = await client.paginate(client.rest.issues.listForRepo, { owner: 'octo', repo: 'hello', per_page: 1 });
    assert.deepEqual(issues.map(({ id }) => id), [1, 2]);
    took(host, 'GET /repos/octo/hello/issues?per_page=1', 'GET /repositories/1/issues?per_page=1&page=2');
  },

  async upload({ client, answer, took }) {
    answer(uploads, json(201, { id: 1, state: 'uploaded' }));
    const asset = { owner: 'octo', repo: 'hello', release_id: 1, name: 'a.bin', data: binary, headers: { 'content-type': 'application/octet-stream' } };
    await client.rest.repos.uploadReleaseAsset(asset);
    assert.ok(took(uploads, 'POST /repos/octo/hello/releases/1/assets?name=a.bin&')[0].body.equals(binary), 'the file differs');
  },

  async stream({ client, answer, took }) {
    answer(host, (res) => res.writeHead(200, { 'content-type': 'application/octet-stream' }).end(binary));
    const headers = { accept: 'application/octet-stream' };
    const { data } = await client.request('GET /repos/octo/hello/releases/assets/1', { headers, request: { parseSuccessResponseBody: false } });
    assert.ok((await buffer(data)).equals(binary), 'the file differs');
    took(host, 'GET /repos/octo/hello/releases/assets/1');
  },

  refused: refused(host, ask, { message: 'Bad credentials', status: '401' }, (err) => {
    assert.ok(err instanceof RequestError, err);
    assert.deepEqual([err.status, err.response.data.data.code], [401, 'needs_reconnection']);
  }),
  limited: limited(host, ask, { message: 'You have exceeded a secondary rate limit.' }, { login: 'octocat' }, ({ data }) => {
    assert.equal(data.login, 'octocat');
  }),
  redirected: redirect(host, ask, 'followed'),
});
