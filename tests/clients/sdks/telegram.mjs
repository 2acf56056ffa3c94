// Telegram (https://core.telegram.org/bots/api#making-requests): the bot's token in the path, pages by offset, files as multipart.
import assert from 'node:assert/strict';
import { GrammyError, InputFile } from 'grammy';
import { binary, json } from '../harness/answers.mjs';
import { redirect, refused, told } from '../harness/features.mjs';
import { row } from '../harness/rows.mjs';

const host = 'api.telegram.org';
const secret = '110201543:AAprovider_canary_0123456789';
const ask = ({ api }) => api.getMe();
const error = (error_code, description, parameters) => ({ ok: false, error_code, description, parameters });

export default row('telegram', {
  fields: { token: secret },
  hosts: [host],
  credential: ({ target }) => target.startsWith(`/bot${secret}/`),
  make: ({ botOf }, key) => botOf('alice-telegram-bot', key),
  hooks: [{ export: 'Bot', option: 'client.buildUrl', error: /Call to 'getMe' failed/ }],
  call: ask,

  async list({ client, answer, took }) {
    const page = (file_id) => json(200, { ok: true, result: { total_count: 2, photos: [[{ file_id }]] } });
    answer(host, page('one'), page('two'));
    const ids = [];
    for (const offset of [0, 1]) ids.push((await client.api.getUserProfilePhotos(1, { offset, limit: 1 })).photos[0][0].file_id);
    assert.deepEqual(ids, ['one', 'two']);
    const got = took(host, `POST /bot${secret}/getUserProfilePhotos`, `POST /bot${secret}/getUserProfilePhotos`);
    assert.deepEqual(got.map(({ body }) => JSON.parse(body).offset), [0, 1]);
  },

  async upload({ client, answer, took }) {
    answer(host, json(200, { ok: true, result: { message_id: 1 } }));
    await client.api.sendDocument(1, new InputFile(binary, 'report.bin'));
    assert.ok(took(host, `POST /bot${secret}/sendDocument`)[0].body.includes(binary), 'the file differs');
  },

  refused: refused(host, ask, error(401, 'Unauthorized'), (err) => {
    assert.ok(err instanceof GrammyError, err);
    assert.equal(err.error_code, 401);
    assert.match(err.description, /refused/);
  }),
  // It repeats nothing by itself; its plugin auto-retry reads the same parameter.
  limited: told(host, ask, error(429, 'Too Many Requests', { retry_after: 1 }), (err) => {
    assert.deepEqual([err.error_code, err.parameters.retry_after], [429, 1]);
  }),
  redirected: redirect(host, ask, 'refused'),
});
