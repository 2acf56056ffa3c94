// Salesforce (https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest): lists by nextRecordsUrl, a path; Bulk API 2.0
// in several calls (…/api_asynch); the older bulk API puts the session into a header of its own.
import assert from 'node:assert/strict';
import { json } from '../harness/answers.mjs';
import { bearer, redirect, refused } from '../harness/features.mjs';
import { row } from '../harness/rows.mjs';

const host = 'acme.my.salesforce.com';
const secret = '00Dprovider!canary_0123456789';
const ask = (connection) => connection.query('SELECT Id FROM Contact');
const error = (errorCode) => [{ errorCode, message: 'no' }];
const data = '/services/data/v50.0';

export default row('salesforce', {
  fields: { access_token: secret, instance: 'acme' },
  hosts: [host],
  credential: bearer(secret),
  make: ({ salesforceOf }, key) => salesforceOf(key),
  hooks: [{ export: 'Connection', option: 'instanceUrl' }],
  call: ask,

  async list({ client, answer, took }) {
    const record = (Id) => ({ attributes: { type: 'Contact' }, Id });
    const next = `${data}/query/01gA-1`;
    answer(host, json(200, { totalSize: 2, done: false, nextRecordsUrl: next, records: [record('1')] }), json(200, { totalSize: 2, done: true, records: [record('2')] }));
    const { records } = await client.query('SELECT Id FROM Contact', { autoFetch: true });
    assert.deepEqual(records.map(({ Id }) => Id), ['1', '2']);
    took(host, `GET ${data}/query?q=SELECT%20Id%20FROM%20Contact`, `GET ${next}`);
  },

  async upload({ client, answer, took }) {
    const csv = 'Name\nGröße 🐘\n';
    answer(host, json(200, { id: '750A', state: 'Open', contentUrl: 'services/data/v50.0/jobs/ingest/750A/batches' }), (res) => res.writeHead(201).end());
    const job = client.bulk2.createJob({ operation: 'insert', object: 'Contact' });
    await job.open();
    await job.uploadData(csv);
    const [, sent] = took(host, `POST ${data}/jobs/ingest`, `PUT ${data}/jobs/ingest/750A/batches`);
    assert.equal(sent.body.toString(), csv);
  },

  async stream({ client, answer, took }) {
    const job = (state) => json(200, { id: '750B', operation: 'query', object: 'Contact', state });
    const rows = (res) => res.writeHead(200, { 'content-type': 'text/csv', 'sforce-locator': 'null' }).end('"Id"\n"1"\n"2"\n');
    answer(host, job('UploadComplete'), job('JobComplete'), rows);
    const ids = [];
    for await (const { Id } of await client.bulk2.query('SELECT Id FROM Contact', { pollInterval: 10 })) ids.push(Id);
    assert.deepEqual(ids, ['1', '2']);
    took(host, `POST ${data}/jobs/query`, `GET ${data}/jobs/query/750B`, `GET ${data}/jobs/query/750B/results`);
  },

  refused: refused(host, ask, error('INVALID_SESSION_ID'), (err) => {
    assert.match(`${err.errorCode} ${err.message} ${JSON.stringify(err.data)}`, /needs_reconnection|401/);
  }),
  // It repeats a GET in its own time, which is shorter than what Retry-After says.
  async limited({ client, answer }) {
    answer(host, json(429, error('REQUEST_LIMIT_EXCEEDED'), { 'retry-after': '1' }), json(200, { totalSize: 0, done: true, records: [] }));
    assert.equal((await ask(client)).done, true);
  },
  // The library carries Authorization along to other hosts, so the entry has `redirects: refuse`.
  redirected: redirect(host, ask, 'refused'),
});
