// What providers answer, and what is in the bodies that they get.
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { valuesOf } from './forwarded.mjs';

export const json = (status, body, headers = {}) => (res) => {
  res.writeHead(status, { 'content-type': 'application/json', ...headers });
  res.end(JSON.stringify(body));
};

/** A file that text would not survive. */
export const binary = Buffer.concat([Buffer.from('--\r\n\0\xff\xfe--boundary\r\n\n', 'latin1'), Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7919) >> 3))]);

/**
 * A stream of events, one for each word. The next is sent when the client says, by `saw`, that it has the one before: what is held
 * back on the way never ends.
 */
export function streamed(words, event, end = '') {
  const client = new EventEmitter();
  return {
    words,
    saw: () => client.emit('saw'),
    async answer(res) {
      res.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' });
      for (const word of words) {
        res.write(event(word));
        await once(client, 'saw');
      }
      res.end(end);
    },
  };
}

const chunk = (content) => ({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'gpt-4o-mini', choices: [{ index: 0, delta: { content }, finish_reason: null }] });

/** A streamed chat completion of OpenAI's. */
export const conversation = (...words) => streamed(words, (word) => `data: ${JSON.stringify(chunk(word))}\n\n`, 'data: [DONE]\n\n');

/** Takes a multipart body apart: `{ name: { filename, type, content } }` (RFC 7578). */
export function partsOf(request) {
  const [, boundary] = valuesOf(request, 'content-type')[0].match(/^multipart\/form-data; boundary="?([^"]+)"?$/);
  const body = request.body.toString('latin1');
  const pieces = `\r\n${body}`.split(`\r\n--${boundary}`);
  assert.match(pieces.pop(), /^--(\r\n)?$/);
  assert.equal(pieces.shift(), '');
  return Object.fromEntries(pieces.map(part));
}

function part(piece) {
  const end = piece.indexOf('\r\n\r\n');
  const head = piece.slice(0, end);
  const value = (pattern) => head.match(pattern)?.[1];
  const content = Buffer.from(piece.slice(end + 4), 'latin1');
  return [value(/[; ]name="([^"]*)"/), { filename: value(/filename="([^"]*)"/), type: value(/^content-type: (.*)$/im), content }];
}
