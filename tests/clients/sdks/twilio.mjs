// Twilio (https://www.twilio.com/docs/usage/twilios-response): lists by next_page_uri below a path, and by meta.next_page_url, a
// whole address, at its newer hosts.
import assert from 'node:assert/strict';
import { json } from '../harness/answers.mjs';
import { header, redirect, refused, told } from '../harness/features.mjs';
import { row } from '../harness/rows.mjs';

const host = 'api.twilio.com';
const verify = 'verify.twilio.com';
const sid = `AC${'0123456789abcdef'.repeat(2)}`;
const secret = 'provider_canary_0123456789';
const ask = (client) => client.messages('SM1').fetch();
const error = (code, status) => ({ code, status, message: 'no', more_info: 'https://www.twilio.com/docs/errors' });

export default row('twilio', {
  fields: { account_sid: sid, auth_token: secret },
  hosts: [host, verify],
  credential: header('authorization', `Basic ${Buffer.from(`${sid}:${secret}`).toString('base64')}`),
  make: ({ twilioOf }, key) => twilioOf('alice-twilio', key, sid),
  hooks: [{ export: 'default', option: 'httpClient' }],
  call: ask,

  async list({ client, answer, took }) {
    const path = `/2010-04-01/Accounts/${sid}/Messages.json`;
    const page = (id, next_page_uri) => json(200, { messages: [{ sid: id }], next_page_uri });
    answer(host, page('SM1', `${path}?PageSize=1&Page=1&PageToken=PASM1`), page('SM2', null));
    assert.deepEqual((await client.messages.list({ pageSize: 1 })).map((message) => message.sid), ['SM1', 'SM2']);
    took(host, `GET ${path}?PageSize=1`, `GET ${path}?PageSize=1&Page=1&PageToken=PASM1`);

    const newer = (id, next_page_url) => json(200, { services: [{ sid: id }], meta: { key: 'services', next_page_url } });
    answer(verify, newer('VA1', `https://${verify}/v2/Services?PageSize=1&Page=1&PageToken=PAVA1`), newer('VA2', null));
    assert.deepEqual((await client.verify.v2.services.list({ pageSize: 1 })).map((service) => service.sid), ['VA1', 'VA2']);
    took(verify, 'GET /v2/Services?PageSize=1', 'GET /v2/Services?PageSize=1&Page=1&PageToken=PAVA1');
  },

  refused: refused(host, ask, error(20003, 401), (err) => {
    assert.deepEqual([err.constructor.name, err.status], ['RestException', 401]);
    assert.match(err.message, /needs_reconnection|refused/);
  }),
  // It repeats a 429 only with autoRetry, and in its own time.
  limited: told(host, ask, error(20429, 429), (err) => assert.deepEqual([err.constructor.name, err.status], ['RestException', 429])),
  redirected: redirect(host, ask, 'kept', 307),
});
