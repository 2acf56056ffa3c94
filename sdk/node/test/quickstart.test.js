'use strict';

const { test, before, after } = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { createInterface } = require('node:readline');
const { PabblyConnectPlatform, NeedsReconnectionError, RateLimitedError } = require('@vendgate/connect-platform');
const { startWorld, email } = require('./support/world.js');
const { EndUser } = require('./support/enduser.js');

const root = path.join(__dirname, '..');

let world;
const cleanups = [];
before(async () => {
  world = await startWorld({ after: (cleanup) => cleanups.unshift(cleanup) });
});
after(async () => {
  for (const cleanup of cleanups) await cleanup();
});

/** The README's program, with the provider's address in place of Google's. */
function readmeProgram() {
  const [, program] = fs.readFileSync(path.join(root, 'README.md'), 'utf8').match(/## Quickstart\n\n```js\n([^]*?)```/);
  return program.replace('https://gmail.googleapis.com', world.provider.url);
}

test('the README’s quickstart runs as it stands', async (t) => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'vendgate-quickstart-'));
  t.after(() => fs.rmSync(dir, { recursive: true, force: true }));
  fs.mkdirSync(path.join(dir, 'node_modules', '@vendgate'), { recursive: true });
  fs.symlinkSync(root, path.join(dir, 'node_modules', '@vendgate', 'connect-platform'));
  fs.writeFileSync(path.join(dir, 'quickstart.mjs'), readmeProgram());
  const program = spawn(process.execPath, ['quickstart.mjs'], {
    cwd: dir,
    env: { ...process.env, VENDGATE_KEY: world.keys.acme, VENDGATE_URL: world.url },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => program.kill());
  const printed = [];
  for await (const line of createInterface(program.stdout)) {
    printed.push(line);
    const link = line.match(/^Please open (.*)$/)?.[1];
    if (link) await new EndUser().accept(link);
  }
  if (program.exitCode === null) await once(program, 'exit');
  assert.equal(program.exitCode, 0);
  assert.deepEqual(printed.slice(1), ['Connected as alice@example.com']);
});

/** A program as the platform guide shows it: Pabbly's names, and baseUrl. `open` is its frontend. */
async function guideProgram(search, open) {
  const pc = new PabblyConnectPlatform({ apiKey: world.keys.acme, baseUrl: world.url });
  const { apps } = await pc.listApps({ search });
  const link = await pc.createRequestLink(email, { appId: apps[0].id, name: `Work ${search}` });
  const opened = open(link);
  const conn = await pc.waitForConnection(email, link.connection_id);
  await opened;
  if (conn.status !== 'active') return conn.status;
  try {
    const token = await pc.getToken(email, link.connection_id);
    return token.access_token ? `${token.token_type} ${token.access_token}` : token.fields;
  } catch (err) {
    if (err instanceof NeedsReconnectionError) return 'connect again';
    if (err instanceof RateLimitedError) return err.retryAfter * 1000;
    throw err;
  }
}

test('a program written for the guide runs with another import and a base URL', async () => {
  const header = await guideProgram('gmail', (link) => new EndUser().accept(link.request_link));
  assert.ok(world.provider.tokens.has(header.slice('Bearer '.length)));
  assert.deepEqual(await guideProgram('openai', (link) => new EndUser().accept(link.request_link, world.provider.goodKey)), { api_key: world.provider.goodKey });
  assert.equal(await guideProgram('gmail', (link) => new EndUser().reject(link.request_link)), 'rejected');
});
