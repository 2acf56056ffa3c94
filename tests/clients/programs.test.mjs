// Programs without any library of a provider: Go's net/http, Python's urllib, and curl, through the gateway.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { binary as build, workDir } from '../browser/harness/program.mjs';
import { binary, conversation, json, partsOf } from './harness/answers.mjs';
import { connectionOf } from './harness/gateway.mjs';
import { useWorld } from './harness/world.mjs';

const world = useWorld('github', ['openai', '--errors', 'passthrough']);
const file = path.join(workDir, 'training.bin');
const example = (name) => fileURLToPath(new URL(`examples/${name}`, import.meta.url));
before(() => writeFileSync(file, binary));

/** Runs a program of the examples on a file, and returns the lines it printed; `heard` gets each as it comes. */
async function run(command, args, heard, status = 0) {
  const keys = { GITHUB_KEY: world.keys.github, OPENAI_KEY: world.keys.openai };
  const env = { ...process.env, ...keys, GITHUB: connectionOf('github'), OPENAI: connectionOf('openai'), PYTHONDONTWRITEBYTECODE: '1', NO_PROXY: '*', no_proxy: '*' };
  const program = spawn(command, [...args, file], { cwd: mkdtempSync(path.join(workDir, 'run-')), env, stdio: ['ignore', 'pipe', 'pipe'] });
  let complaints = '';
  program.stderr.on('data', (text) => (complaints += text));
  const ended = once(program, 'close');
  const lines = [];
  for await (const line of createInterface(program.stdout)) {
    lines.push(line);
    heard(line);
  }
  assert.deepEqual(await ended, [status, null], complaints);
  return lines;
}

/** Says what the providers answer: two pages, the second at the second try, a file, a stream, and a refusal. */
function prepare() {
  const link = `<http://${world.github.host}/repositories/1/issues?per_page=1&page=2>; rel="next", <http://${world.github.host}/x>; rel="last"`;
  const limited = json(429, { message: 'slow down' }, { 'retry-after': '1' });
  world.github.answers(json(200, [{ title: 'one' }], { link, 'set-cookie': 'canary=1' }), limited, json(200, [{ title: 'two' }]));
  const talk = conversation('It ', 'is ', 'tall.');
  const refused = json(401, { error: { message: 'told by the provider', code: 'invalid_api_key' } });
  world.openai.answers(json(200, { id: 'file-1', object: 'file' }), talk.answer, refused);
  return talk;
}

/** Checks what the providers got. */
async function check() {
  await world.github.took('GET /repos/octo/hello/issues?per_page=1', 'GET /repositories/1/issues?per_page=1&page=2', 'GET /repositories/1/issues?per_page=1&page=2');
  const [uploaded, asked] = await world.openai.took('POST /v1/files', 'POST /v1/chat/completions', 'GET /v1/models');
  const parts = partsOf(uploaded);
  assert.equal(parts.purpose.content.toString(), 'assistants');
  assert.equal(parts.file.filename, 'training.bin');
  assert.ok(parts.file.content.equals(binary), 'the file differs');
  const question = { model: 'gpt-4o-mini', stream: true, messages: [{ role: 'user', content: 'Größe?' }] };
  assert.deepEqual(JSON.parse(asked.body), question);
}

const printed = ['issue one', 'issue two', 'file file-1', 'word It ', 'word is ', 'word tall.', 'error 401 invalid_api_key needs_reconnection'];
const commands = {
  'Go’s net/http': async () => [await build('client-go', 'CLIENT_GO_BIN', '.', './tests/clients/examples/go'), []],
  'Python’s urllib': () => ['python3', [example('python/main.py')]],
};

for (const [name, commandOf] of Object.entries(commands)) {
  test(`${name}: pages by Link, Retry-After, a file, a stream, an error`, { timeout: 60_000 }, async () => {
    const [command, args] = await commandOf();
    const talk = prepare();
    const began = performance.now();
    assert.deepEqual(await run(command, args, (line) => line.startsWith('word ') && talk.saw()), printed);
    assert.ok(performance.now() - began > 1000, 'it did not wait');
    await check();
  });
}

test('curl: pages by Link, Retry-After, a file, a stream, an error', { timeout: 60_000 }, async () => {
  const talk = prepare();
  const began = performance.now();
  const lines = await run('sh', ['-e', example('curl.sh')], (line) => line.includes('"delta"') && talk.saw());
  assert.ok(performance.now() - began > 1000, 'it did not wait');
  const said = lines.join('\n');
  for (const words of ['[{"title":"one"}]', '[{"title":"two"}]', '{"id":"file-1","object":"file"}', 'data: [DONE]', '"invalid_api_key"']) {
    assert.ok(said.includes(words), `${words} is not in ${said}`);
  }
  await check();
});

test('curl: a Link that leads elsewhere gets no call, and no key', { timeout: 60_000 }, async () => {
  const link = `<http://${world.openai.host}/v1/steal?page=2>; rel="next"`;
  world.github.answers(json(200, [{ title: 'one' }], { link }));
  const lines = await run('sh', ['-e', example('curl.sh')], () => {}, 1);
  assert.deepEqual(lines, ['[{"title":"one"}]']);
  await world.github.took('GET /repos/octo/hello/issues?per_page=1');
  await world.openai.took();
});
