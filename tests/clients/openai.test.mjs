// OpenAI's own library, through the gateway.
import assert from 'node:assert/strict';
import { createReadStream, writeFileSync } from 'node:fs';
import buffer from 'node:buffer';
import path from 'node:path';
import { test } from 'node:test';
import OpenAI from 'openai';
import { workDir } from '../browser/harness/program.mjs';
import { openaiOf } from './examples/openai.mjs';
import { binary, conversation, json, partsOf } from './harness/answers.mjs';
import { valuesOf } from './harness/forwarded.mjs';
import { connectionOf, email } from './harness/gateway.mjs';
import { through, useWorld } from './harness/world.mjs';

globalThis.File ??= buffer.File; // the library wants it on Node 18

const world = useWorld('openai');
const client = () => openaiOf(connectionOf('openai'), world.keys.openai);
const passthrough = () => through(world.passthrough, client);
const timeout = 50_000;

const question = { model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'Größe? 🐘' }] };
const completion = { id: 'chatcmpl-1', object: 'chat.completion', created: 1, model: 'gpt-4o-mini', choices: [{ index: 0, message: { role: 'assistant', content: 'Tall.' }, finish_reason: 'stop' }] };
const refusal = (status, error, headers) => json(status, { error: { message: 'told by the provider', param: null, ...error } }, headers);

test('openai: a chat completion', { timeout }, async () => {
  world.openai.answers(json(200, completion, { 'set-cookie': '__cf_bm=canary; path=/', 'x-request-id': 'req_1' }));
  const headers = { cookie: 'session=canary', 'x-forwarded-for': '192.0.2.1', 'x-trace': '7' };
  const { data, response, request_id } = await client().chat.completions.create(question, { headers }).withResponse();
  assert.equal(data.choices[0].message.content, 'Tall.');
  assert.equal(request_id, 'req_1');
  assert.equal(response.headers.get('set-cookie'), null);
  const [got] = await world.openai.took('POST /v1/chat/completions');
  assert.equal(got.body.toString(), JSON.stringify(question));
  assert.deepEqual(['x-trace', 'cookie', 'x-forwarded-for'].map((name) => valuesOf(got, name)), [['7'], [], []]);
});

test('openai: chat completions stream word by word', { timeout }, async () => {
  const talk = conversation('It ', 'is ', 'tall.');
  world.openai.answers(talk.answer);
  const words = [];
  for await (const chunk of await client().chat.completions.create({ ...question, stream: true })) {
    words.push(chunk.choices[0].delta.content);
    talk.saw();
  }
  assert.deepEqual(words, talk.words);
  const [got] = await world.openai.took('POST /v1/chat/completions');
  assert.equal(got.body.toString(), JSON.stringify({ ...question, stream: true }));
});

test('openai: a file arrives byte for byte', { timeout }, async () => {
  const file = path.join(workDir, 'training.bin');
  writeFileSync(file, binary);
  world.openai.answers(json(200, { id: 'file-1', object: 'file', bytes: binary.length, filename: 'training.bin', purpose: 'assistants' }));
  const uploaded = await client().files.create({ file: createReadStream(file), purpose: 'assistants' });
  assert.equal(uploaded.id, 'file-1');
  const parts = partsOf((await world.openai.took('POST /v1/files'))[0]);
  assert.deepEqual(Object.keys(parts).sort(), ['file', 'purpose']);
  assert.equal(parts.purpose.content.toString(), 'assistants');
  assert.equal(parts.file.filename, 'training.bin');
  assert.ok(parts.file.content.equals(binary), 'the file differs');
});

test('openai: a list fetches its next pages', { timeout }, async () => {
  const page = (ids, has_more) => json(200, { object: 'list', data: ids.map((id) => ({ id, object: 'file' })), has_more });
  world.openai.answers(page(['file-1', 'file-2'], true), page(['file-3'], false));
  const ids = [];
  for await (const file of client().files.list({ limit: 2 })) ids.push(file.id);
  assert.deepEqual(ids, ['file-1', 'file-2', 'file-3']);
  await world.openai.took('GET /v1/files?limit=2', 'GET /v1/files?limit=2&after=file-2');
});

for (const [name, make] of [['mapped', client], ['passed through', passthrough]]) {
  test(`openai: waits as Retry-After says, with errors ${name}`, { timeout }, async () => {
    world.openai.answers(refusal(429, { type: 'requests', code: 'rate_limit_exceeded' }, { 'retry-after': '2' }), json(200, completion));
    const asked = performance.now();
    const { choices } = await make().chat.completions.create(question);
    assert.equal(choices[0].message.content, 'Tall.');
    const waited = performance.now() - asked;
    assert.ok(waited > 1950, `waited ${waited} ms; without the header it is half a second at most`);
    await world.openai.took('POST /v1/chat/completions', 'POST /v1/chat/completions');
  });
}

const fails = (make) => make().chat.completions.create(question, { maxRetries: 0 });

test('openai: its errors are those of the provider where they pass through', { timeout }, async () => {
  for (const [status, kind, type, code] of [
    [400, OpenAI.BadRequestError, 'invalid_request_error', 'context_length_exceeded'],
    [401, OpenAI.AuthenticationError, 'invalid_request_error', 'invalid_api_key'],
    [429, OpenAI.RateLimitError, 'insufficient_quota', 'insufficient_quota'],
    [503, OpenAI.InternalServerError, 'server_error', 'overloaded'],
  ]) {
    world.openai.answers(refusal(status, { type, code }, { 'retry-after': '7' }));
    await assert.rejects(fails(passthrough), (err) => {
      assert.ok(err instanceof kind, err.constructor.name);
      assert.deepEqual([err.status, err.type, err.code, err.message], [status, type, code, `${status} told by the provider`]);
      assert.equal(err.headers.get('retry-after'), '7');
      assert.equal(err.headers.get('vendgate-origin'), status === 400 ? null : 'upstream');
      return true;
    });
    await world.openai.took('POST /v1/chat/completions');
  }
});

test('openai: a 400 is the provider’s also where errors are mapped', { timeout }, async () => {
  world.openai.answers(refusal(400, { type: 'invalid_request_error', code: 'context_length_exceeded' }));
  await assert.rejects(fails(client), (err) => err instanceof OpenAI.BadRequestError && err.code === 'context_length_exceeded');
  await world.openai.took('POST /v1/chat/completions');
});

test('openai: a mapped 401 is an AuthenticationError with the gateway’s code', { timeout }, async () => {
  world.openai.answers(refusal(401, { type: 'invalid_request_error', code: 'invalid_api_key' }));
  await assert.rejects(fails(client), (err) => {
    assert.ok(err instanceof OpenAI.AuthenticationError, err.constructor.name);
    assert.deepEqual([err.code, err.type], ['needs_reconnection', 'vendgate_error']);
    assert.equal(err.headers.get('vendgate-code'), 'needs_reconnection');
    assert.equal(err.headers.get('vendgate-origin'), 'upstream');
    return true;
  });
  await world.openai.took('POST /v1/chat/completions');
});

test('openai: a caller key is enough for a client that sends no second header', { timeout }, async () => {
  const apiKey = await world.callerKey(connectionOf('openai'));
  assert.match(apiKey, /^ck_\w+$/);
  world.openai.answers(json(200, completion));
  const openai = new OpenAI({ baseURL: `${world.url}/proxy/${connectionOf('openai')}/openai`, apiKey });
  assert.equal((await openai.chat.completions.create(question)).choices[0].message.content, 'Tall.');
  await world.openai.took('POST /v1/chat/completions');
  const other = new OpenAI({ baseURL: `${world.url}/proxy/${connectionOf('github')}/github`, apiKey });
  await assert.rejects(other.models.list(), (err) => [err.status, err.headers.get('vendgate-code')].join() === '404,connection_deleted');
  world.refused('GET /proxy/alice-github/github/models');
});
