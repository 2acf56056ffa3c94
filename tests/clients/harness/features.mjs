// What is alike for all libraries: a refusal, a limit that passes, a redirect that leads elsewhere.
import assert from 'node:assert/strict';
import { json } from './answers.mjs';

/** Where a redirect of a provider leads. */
export const elsewhere = 'files.elsewhere.example.net';

const valuesOf = ({ headers }, name) => headers.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);

/** Whether a request has this header, once. */
export const header = (name, value) => (request) => {
  const values = valuesOf(request, name);
  return values.length === 1 && values[0] === value;
};
export const bearer = (secret) => header('authorization', `Bearer ${secret}`);

/** The provider refuses the credential once. `check` looks at what the library throws. */
export const refused = (host, call, body, check, status = 401) => async ({ client, answer }) => {
  answer(host, json(status, body));
  await assert.rejects(async () => call(client), (err) => {
    check(err);
    return true;
  });
};

/** The provider says when to come again, and the library comes then: not earlier, and once. */
export const limited = (host, call, body, then, check) => async ({ client, answer }) => {
  answer(host, json(429, body, { 'retry-after': '1' }), json(200, then));
  const asked = performance.now();
  check(await call(client));
  const waited = performance.now() - asked;
  assert.ok(waited > 900, `waited ${waited} ms`);
};

/** The provider says when to come again, and the library tells its caller, who finds the time in the error. */
export const told = (host, call, body, check) => async ({ client, answer }) => {
  answer(host, json(429, body, { 'retry-after': '1' }));
  await assert.rejects(async () => call(client), (err) => {
    check(err);
    return true;
  });
};

/**
 * The provider sends the caller to another host. `outcome` says what becomes of it: `followed` by the library, without the key;
 * `refused` by the gateway; or `kept`, because the library follows none.
 */
export const redirect = (host, call, outcome, status = 302) => async ({ client, answer, took }) => {
  answer(host, (res) => res.writeHead(status, { location: `https://${elsewhere}/there` }).end());
  if (outcome === 'followed') answer(elsewhere, json(200, { ok: true }));
  const result = await Promise.resolve(call(client)).then(() => 'resolved', (err) => err);
  if (outcome === 'followed') took(elsewhere, 'GET /there');
  else took(elsewhere);
  if (outcome === 'refused') assert.match(JSON.stringify(result) + String(result?.message), new RegExp(elsewhere));
  if (outcome !== 'followed') assert.notEqual(result, 'resolved', 'the library took a redirect for success');
};
