// The Vercel AI SDK with OpenAI's models (https://platform.openai.com/docs/api-reference/responses, …/audio/createTranscription).
import assert from 'node:assert/strict';
import { APICallError, experimental_transcribe as transcribe, generateText, streamText } from 'ai';
import { json, partsOf, streamed } from '../harness/answers.mjs';
import { bearer, limited, redirect, refused } from '../harness/features.mjs';
import { row } from '../harness/rows.mjs';

const host = 'api.openai.com';
const secret = 'sk-provider-canary-0123456789';
const ask = (openai) => generateText({ model: openai.chat('gpt-4o-mini'), prompt: 'Größe?' });
const completion = { id: 'c1', object: 'chat.completion', created: 1, model: 'gpt-4o-mini', choices: [{ index: 0, message: { role: 'assistant', content: 'tall' }, finish_reason: 'stop' }], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } };
const error = (code) => ({ error: { message: 'no', type: 'invalid_request_error', param: null, code } });

export default row('ai', {
  fields: { api_key: secret },
  hosts: [host],
  credential: bearer(secret),
  make: ({ aiOf }, key) => aiOf('alice-openai', key),
  hooks: [{ export: 'createOpenAI', option: 'baseURL' }, { export: 'createOpenAI', option: 'fetch' }],
  call: ask,

  async upload({ client, answer, took }) {
    answer(host, json(200, { text: 'tall', language: 'english', duration: 1 }));
    const audio = Buffer.concat([Buffer.from('ID3'), Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7919) >> 3))]);
    assert.equal((await transcribe({ model: client.transcription('whisper-1'), audio })).text, 'tall');
    assert.ok(partsOf(took(host, 'POST /v1/audio/transcriptions')[0]).file.content.equals(audio), 'the file differs');
  },

  async stream({ client, answer, took }) {
    const delta = (content) => ({ id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'gpt-4o-mini', choices: [{ index: 0, delta: { content }, finish_reason: null }] });
    const talk = streamed(['It ', 'is ', 'tall.'], (word) => `data: ${JSON.stringify(delta(word))}\n\n`, 'data: [DONE]\n\n');
    answer(host, talk.answer);
    const words = [];
    for await (const word of streamText({ model: client.chat('gpt-4o-mini'), prompt: 'Größe?' }).textStream) {
      words.push(word);
      talk.saw();
    }
    assert.deepEqual(words, talk.words);
    took(host, 'POST /v1/chat/completions');
  },

  refused: refused(host, ask, error('invalid_api_key'), (err) => {
    assert.ok(APICallError.isInstance(err), err);
    assert.deepEqual([err.statusCode, err.data.error.code], [401, 'needs_reconnection']);
  }),
  limited: limited(host, ask, error('rate_limit_exceeded'), completion, ({ text }) => assert.equal(text, 'tall')),
  redirected: redirect(host, ask, 'followed'),
});
