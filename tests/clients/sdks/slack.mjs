// Slack (https://docs.slack.dev/apis/web-api): lists by next_cursor, files at an address that another call answers. 8, and 7 below.
import assert from 'node:assert/strict';
import { ErrorCode } from '@slack/web-api';
import { binary, json, partsOf } from '../harness/answers.mjs';
import { bearer, elsewhere, limited, redirect, refused } from '../harness/features.mjs';
import { row } from '../harness/rows.mjs';

const host = 'slack.com';
const files = 'files.slack.com';
const secret = 'xoxb-provider-canary-0123456789';
const ask = (client) => client.auth.test();
const silent = { setLevel() {}, getLevel: () => 'error', setName() {}, debug() {}, info() {}, warn() {}, error() {} };

export const slack = (name, hook, redirects) => row(name, {
  fields: { access_token: secret },
  hosts: [host, files],
  credential: bearer(secret),
  make({ slackOf }, key) {
    const slack = slackOf('alice-slack', key);
    return Object.assign(slack, { logger: silent, retryConfig: { retries: 1, minTimeout: 1 } });
  },
  hooks: [{ export: 'WebClient', option: 'slackApiUrl' }, { export: 'WebClient', option: hook }],
  call: ask,

  async list({ client, answer, took }) {
    const page = (name, next_cursor) => json(200, { ok: true, channels: [{ name }], response_metadata: { next_cursor } });
    answer(host, page('one', 'dGVhbTo='), page('two', ''));
    const names = [];
    for await (const { channels } of client.paginate('conversations.list', { limit: 1 })) names.push(channels[0].name);
    assert.deepEqual(names, ['one', 'two']);
    took(host, 'POST /api/conversations.list', 'POST /api/conversations.list');
  },

  async upload({ client, answer, took }) {
    const upload_url = `https://${files}/upload/v1/ABC`;
    answer(host, json(200, { ok: true, upload_url, file_id: 'F1' }), json(200, { ok: true, files: [{ id: 'F1' }] }));
    answer(files, (res) => res.end(`OK - ${binary.length}`));
    await client.filesUploadV2({ channel_id: 'C1', file: binary, filename: 'report.bin' });
    took(host, 'POST /api/files.getUploadURLExternal', 'POST /api/files.completeUploadExternal');
    assert.ok(partsOf(took(files, 'POST /upload/v1/ABC')[0]).body.content.equals(binary), 'the file differs');
  },

  refused: async (t) => {
    t.answer(host, json(401, { ok: false, error: 'invalid_auth' }));
    await refused(host, ask, { ok: false, error: 'invalid_auth' }, (err) => {
      assert.deepEqual([err.code, err.statusCode, err.headers['vendgate-code']], [ErrorCode.HTTPError, 401, 'needs_reconnection']);
    })(t);
  },
  limited: limited(host, ask, { ok: false, error: 'ratelimited' }, { ok: true, user: 'U1' }, ({ user }) => assert.equal(user, 'U1')),
  async redirected(t) {
    if (redirects > 1) t.answer(host, (res) => res.writeHead(302, { location: `https://${elsewhere}/there` }).end());
    await redirect(host, ask, 'kept')(t);
  },
});

export default slack('slack', 'fetch', 2); // it repeats what fetch makes of a redirect, as any failure
