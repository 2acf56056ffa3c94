// Stripe (https://docs.stripe.com/api): lists by starting_after, files at a host of their own.
import assert from 'node:assert/strict';
import { buffer } from 'node:stream/consumers';
import Stripe from 'stripe';
import { binary, json, partsOf } from '../harness/answers.mjs';
import { bearer, redirect, refused, told } from '../harness/features.mjs';
import { row } from '../harness/rows.mjs';

const host = 'api.stripe.com';
const files = 'files.stripe.com';
const secret = 'sk_test_provider_canary_0123456789';
const ask = ({ api }) => api.accounts.retrieve();
const error = (type, code) => ({ error: { type, code, message: 'no' } });

export default row('stripe', {
  fields: { api_key: secret },
  hosts: [host, files],
  credential: bearer(secret),
  make: ({ stripeOf }, key) => ({ api: stripeOf(key), files: stripeOf(key, 'stripe--files') }),
  hooks: [{ export: 'default', option: 'host' }],
  call: ask,

  async list({ client, answer, took }) {
    const page = (id, has_more) => json(200, { object: 'list', url: '/v1/customers', has_more, data: [{ id, object: 'customer' }] });
    answer(host, page('cus_1', true), page('cus_2', false));
    const ids = [];
    for await (const { id } of client.api.customers.list({ limit: 1 })) ids.push(id);
    assert.deepEqual(ids, ['cus_1', 'cus_2']);
    took(host, 'GET /v1/customers?limit=1', 'GET /v1/customers?limit=1&starting_after=cus_1');
  },

  async upload({ client, answer, took }) {
    answer(files, json(200, { id: 'file_1', object: 'file' }));
    const file = { data: binary, name: 'evidence.bin', type: 'application/octet-stream' };
    await client.files.files.create({ purpose: 'dispute_evidence', file });
    assert.ok(partsOf(took(files, 'POST /v1/files')[0]).file.content.equals(binary), 'the file differs');
  },

  async stream({ client, answer, took }) {
    answer(host, (res) => res.writeHead(200, { 'content-type': 'application/pdf' }).end(binary));
    assert.ok((await buffer(await client.api.quotes.pdf('qt_1'))).equals(binary), 'the file differs');
    took(host, 'GET /v1/quotes/qt_1/pdf');
  },

  refused: refused(host, ask, error('invalid_request_error'), (err) => {
    assert.ok(err instanceof Stripe.errors.StripeAuthenticationError, err);
    assert.equal(err.code, 'needs_reconnection');
  }),
  // It repeats a 429 only where Stripe-Should-Retry says so.
  limited: told(host, ask, error('invalid_request_error', 'rate_limit'), (err) => {
    assert.ok(err instanceof Stripe.errors.StripeRateLimitError, err);
    assert.deepEqual([err.code, err.headers['retry-after']], ['rate_limited', '1']);
  }),
  redirected: redirect(host, ask, 'kept'),
});
