// Slack's own library, through the gateway.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ErrorCode, LogLevel, WebClient, WebClientEvent } from '@slack/web-api';
import { slackOf } from './examples/slack.mjs';
import { binary, json, partsOf } from './harness/answers.mjs';
import { valuesOf } from './harness/forwarded.mjs';
import { connectionOf, email, tenantKey } from './harness/gateway.mjs';
import { startProvider } from './harness/recorder.mjs';
import { through, useWorld } from './harness/world.mjs';

const world = useWorld('slack');
const timeout = 50_000;
const connection = connectionOf('slack');
const form = (request) => Object.fromEntries(new URLSearchParams(request.body.toString()));

/** The block's client, silent. */
function client() {
  const slack = slackOf(connection, world.keys.slack);
  slack.logger.setLevel(LogLevel.ERROR);
  return slack;
}

test('slack: a message', { timeout }, async () => {
  world.slack.answers(json(200, { ok: true, channel: 'C1', ts: '1.2', message: { text: 'Größe & 🐘' } }, { 'x-oauth-scopes': 'chat:write' }));
  const sent = await client().chat.postMessage({ channel: 'C1', text: 'Größe & 🐘', blocks: [] });
  assert.equal(sent.ts, '1.2');
  assert.deepEqual(sent.response_metadata.scopes, ['chat:write']);
  const [got] = await world.slack.took('POST /api/chat.postMessage');
  assert.equal(got.body.toString(), 'channel=C1&text=Gr%C3%B6%C3%9Fe%20%26%20%F0%9F%90%98&blocks=%5B%5D');
  assert.deepEqual(valuesOf(got, 'content-type'), ['application/x-www-form-urlencoded']);
});

test('slack: a list fetches its next pages', { timeout }, async () => {
  const page = (name, next_cursor) => json(200, { ok: true, channels: [{ name }], response_metadata: { next_cursor } });
  world.slack.answers(page('one', 'dGVhbTo='), page('two', ''));
  const names = [];
  for await (const { channels } of client().paginate('conversations.list', { limit: 1 })) names.push(channels[0].name);
  assert.deepEqual(names, ['one', 'two']);
  const got = await world.slack.took('POST /api/conversations.list', 'POST /api/conversations.list');
  assert.deepEqual(got.map(form), [{ limit: '1' }, { limit: '1', cursor: 'dGVhbTo=' }]);
});

test('slack: a picture arrives byte for byte', { timeout }, async () => {
  world.slack.answers(json(200, { ok: true, profile: {} }));
  await client().users.setPhoto({ image: binary });
  const parts = partsOf((await world.slack.took('POST /api/users.setPhoto'))[0]);
  assert.deepEqual(Object.keys(parts), ['image']);
  assert.ok(parts.image.content.equals(binary), 'the picture differs');
});

for (const site of ['url', 'passthrough']) {
  test(`slack: waits as Retry-After says, at the gateway’s ${site}`, { timeout }, async () => {
    world.slack.answers(json(429, { ok: false, error: 'ratelimited' }, { 'retry-after': '1' }), json(200, { ok: true }));
    const slack = through(world[site], client);
    const told = [];
    slack.on(WebClientEvent.RATE_LIMITED, (seconds) => told.push(seconds));
    const asked = performance.now();
    assert.equal((await slack.auth.test()).ok, true);
    assert.deepEqual(told, [1]);
    assert.ok(performance.now() - asked > 1000, 'it did not wait');
    await world.slack.took('POST /api/auth.test', 'POST /api/auth.test');
  });
}

test('slack: ok:false is an error of the platform', { timeout }, async () => {
  world.slack.answers(json(200, { ok: false, error: 'channel_not_found' }));
  await assert.rejects(client().chat.postMessage({ channel: 'C0', text: 'x' }), (err) => {
    assert.deepEqual([err.code, err.data.ok, err.data.error], [ErrorCode.PlatformError, false, 'channel_not_found']);
    return true;
  });
  await world.slack.took('POST /api/chat.postMessage');
});

test('slack: what the gateway refuses is an HTTP error with its code, and the library repeats it as retryConfig says', { timeout }, async () => {
  const slack = new WebClient(tenantKey, {
    slackApiUrl: `${world.url}/proxy/${connection}/slack/`,
    headers: { 'x-user-email': email },
    retryConfig: { retries: 1, minTimeout: 1 },
    logLevel: LogLevel.ERROR,
  });
  for (let i = 0; i < 2; i++) world.slack.answers(json(401, { ok: false, error: 'invalid_auth' }));
  await assert.rejects(slack.auth.test(), (err) => {
    assert.deepEqual([err.code, err.statusCode, err.headers['vendgate-code']], [ErrorCode.HTTPError, 401, 'needs_reconnection']);
    assert.deepEqual([err.body.data.code, err.body.data.upstream.status], ['needs_reconnection', 401]);
    return true;
  });
  await world.slack.took('POST /api/auth.test', 'POST /api/auth.test');
});

// The library writes a token given to one call into the body as well. That is why the block gives it none.
test('slack: a key given as token to one call would be in the body, and the gateway refuses it', { timeout }, async () => {
  const slack = Object.assign(client(), { retryConfig: { retries: 0 } });
  await assert.rejects(slack.auth.test({ token: world.keys.slack }), (err) => {
    assert.deepEqual([err.statusCode, err.headers['vendgate-code']], [400, 'invalid_request']);
    return true;
  });
  world.refused('POST /proxy/alice-slack/slack/auth.test');
});

// Slack's API says where to send a file, and that is another host.
let stranger;
before(async () => (stranger = await startProvider()));
after(() => stranger.stop());

/** Uploads a file that Slack wants at a URL, to whom `host` plays. */
async function upload(slack, url, host) {
  const complete = { ok: true, files: [{ id: 'F1', title: 'report.bin' }] };
  world.slack.answers(json(200, { ok: true, upload_url: url, file_id: 'F1' }), json(200, complete));
  host((res) => res.end(`OK - ${binary.length}`));
  const { files } = await slack.filesUploadV2({ channel_id: 'C1', file: binary, filename: 'report.bin' });
  assert.deepEqual(files, [{ ...complete, response_metadata: {} }]);
  const [asked, completed] = await world.slack.took('POST /api/files.getUploadURLExternal', 'POST /api/files.completeUploadExternal');
  assert.deepEqual(form(asked), { filename: 'report.bin', length: String(binary.length) });
  assert.deepEqual(JSON.parse(form(completed).files), [{ id: 'F1', title: 'report.bin' }]);
}

test('slack: files go to Slack’s host for files through the gateway', { timeout }, async () => {
  await upload(client(), 'https://files.slack.com/upload/v1/ABC', world.elsewhere.answers);
  const [got] = await world.elsewhere.took('POST http://files.slack.com/upload/v1/ABC');
  assert.ok(partsOf(got).body.content.equals(binary), 'the file differs');
});

/** Uploads a file to a host that the app does not have, and returns what that is told of the caller. */
async function toldStranger(slack) {
  await upload(slack, `http://${stranger.host}/upload`, (answer) => stranger.answers.push(answer));
  const [got] = stranger.requests.splice(0);
  assert.ok(partsOf(got).body.content.equals(binary), 'the file differs');
  return ['authorization', 'x-user-email'].map((name) => valuesOf(got, name));
}

test('slack: no other host gets the tenant key and the customer’s address', { timeout }, async () => {
  assert.deepEqual(await toldStranger(client()), [[], []]);
});

test('slack: without the block’s hook, the library would tell it both', { timeout }, async () => {
  const slack = new WebClient(tenantKey, { slackApiUrl: `${world.url}/proxy/${connection}/slack/`, headers: { 'x-user-email': email }, logLevel: LogLevel.ERROR });
  assert.deepEqual(await toldStranger(slack), [[`Bearer ${tenantKey}`], [email]]);
});
