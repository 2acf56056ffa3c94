// The guide's section 5: the tenant's page opens the hosted page in a popup, and learns how it ended.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHash } from 'node:crypto';
import { answer, serve } from '../harness/server.mjs';
import { accept, fill, logIn, reject, says, sees } from '../harness/steps.mjs';
import { pause, until } from '../harness/program.mjs';
import { alice } from '../harness/world.mjs';
import { world } from '../suite.mjs';

/** The tenant's page, of an origin of its own. It notes what it is told, and lets the test call the script. */
const product = (script, attributes) => `<!doctype html>
<html lang="en">
<title>A product</title>
<script src="${script}" ${attributes}></script>
<button>Connect</button>
<script>
  const told = [];
  function arm(name, options) {
    document.querySelector('button').onclick = () => {
      window.watching = window[name].open({
        ...options,
        onSuccess: (...args) => told.push(['success', ...args]),
        onExit: (...args) => told.push(['exit', ...args]),
      });
    };
  }
</script>
</html>`;

/** Opens the tenant's page and, from it, the popup of a link. */
async function openPopup(t, link, { attributes = '', name = 'VendgateConnect', options = {}, visitor: visitorOptions } = {}) {
  const { gateway, visitor } = world();
  const host = await serve((_, res) => answer(res, 200, product(`${gateway.url}/connect/vendgate-connect.js`, attributes)));
  t.after(host.stop);
  const { context, page, complaints } = await visitor(t, visitorOptions);
  await page.goto(host.url);
  await page.evaluate(([name, options]) => window.arm(name, options), [
    name,
    { requestLink: link.request_link, requestToken: link.request_token, connectionId: link.connection_id, ...options },
  ]);
  const [popup] = await Promise.all([page.waitForEvent('popup'), page.getByRole('button').click()]);
  const told = () => page.evaluate(() => told);
  return { context, page, popup, complaints, told, hears: () => until('a call back', async () => (await told()).length > 0 && told()) };
}

test('popup: an OAuth app, from the catalog to a call through the gateway', async (t) => {
  const { apis, gateway } = world();
  const tenant = await world().tenant('popup');
  const { apps } = await tenant.client.listApps({ search: 'northwind' });
  const link = await tenant.link(apps[0].id, 'Work CRM');
  const waiting = tenant.client.waitForConnection(alice, link.connection_id, { intervalMs: 200, timeoutMs: 30_000 });
  const { popup, page, told, hears, complaints } = await openPopup(t, link);
  await accept(popup);
  await popup.getByLabel('Email').waitFor();
  await Promise.all([popup.waitForEvent('close'), logIn(popup)]);
  assert.deepEqual(await hears(), [['success', link.connection_id]]);
  assert.equal((await waiting).status, 'active');
  await pause(2500); // one more poll, were there one
  assert.deepEqual(await told(), [['success', link.connection_id]], 'it was told twice');
  assert.equal(page.url().startsWith(gateway.url), false);

  apis.calls.length = 0;
  const response = await tenant.call(link.connection_id, 'crm', '/me?a=1');
  assert.equal(response.status, 200);
  const token = await tenant.client.getToken(alice, link.connection_id);
  const [{ url, headers }] = apis.calls;
  assert.equal(url, '/crm/me?a=1');
  assert.equal(digest(headers.authorization), digest(`Bearer ${token.access_token}`));
  for (const name of ['x-user-email', 'cookie', 'x-vendgate-key']) assert.equal(headers[name], undefined, name);
  assert.equal(JSON.stringify(headers).includes(tenant.key), false, 'the tenant key reached the API');
  assert.deepEqual(complaints, []);
});

const digest = (text) => createHash('sha256').update(text ?? '').digest('hex');

test('popup: by the name that the guide knows it by', async (t) => {
  const tenant = await world().tenant('popup-guide');
  const link = await tenant.link('vault');
  const { popup, page, hears } = await openPopup(t, link, { attributes: 'data-global="PabblyConnect"', name: 'PabblyConnect' });
  assert.equal(await page.evaluate(() => window.PabblyConnect === window.VendgateConnect), true);
  await accept(popup);
  await fill(popup, { 'API key': 'right-key-canary' });
  await popup.getByRole('button', { name: 'Grant Access' }).click();
  assert.deepEqual(await hears(), [['success', link.connection_id]]);
});

test('popup: rejected', async (t) => {
  const tenant = await world().tenant('popup-rejected');
  const link = await tenant.link('crm');
  const { popup, hears } = await openPopup(t, link);
  await reject(popup);
  assert.deepEqual(await hears(), [['exit', 'rejected']]);
  assert.equal((await tenant.client.getConnection(alice, link.connection_id)).status, 'rejected');
});

test('popup: expired, because a newer link took its place', async (t) => {
  const { gateway } = world();
  const tenant = await world().tenant('popup-expired');
  const link = await tenant.link('crm');
  const { popup, hears } = await openPopup(t, link);
  await sees(popup, /^Connect Northwind CRM/);
  await gateway.refreshConnection(tenant.name, link.connection_id);
  assert.deepEqual(await hears(), [['exit', 'expired']]);
});

test('popup: closed by the user', async (t) => {
  const tenant = await world().tenant('popup-closed');
  const { popup, hears } = await openPopup(t, await tenant.link('crm'));
  await sees(popup, /^Connect Northwind CRM/);
  const closed = performance.now();
  await popup.close();
  assert.deepEqual(await hears(), [['exit', 'closed']]);
  const passed = performance.now() - closed;
  assert.ok(passed < 1000, `it was told after ${passed} ms`);
});

test('popup: timeout', async (t) => {
  const tenant = await world().tenant('popup-timeout');
  const { popup, hears } = await openPopup(t, await tenant.link('crm'), { options: { timeoutMs: 1000 } });
  assert.deepEqual(await hears(), [['exit', 'timeout']]);
  await until('the popup to close', () => popup.isClosed());
});

test('popup: a provider that cuts the popup off from its opener does not end it', async (t) => {
  const { authserver } = world();
  const tenant = await world().tenant('popup-isolated');
  const link = await tenant.link('crm');
  const { context, page, popup, told, hears } = await openPopup(t, link);
  await page.evaluate(() => (document.hasFocus = () => false)); // the user looks at the popup; headless pages all have the focus
  await context.route(`${authserver.url}/oauth2/auth?**`, async (route) => {
    const response = await route.fetch({ maxRedirects: 0 });
    await route.fulfill({ response, headers: { ...response.headers(), 'cross-origin-opener-policy': 'same-origin' } });
  });
  await accept(popup);
  await popup.getByLabel('Email').waitFor();
  await pause(6000); // two polls and the time that a popup may seem closed
  assert.deepEqual(await told(), []);
  await logIn(popup);
  await sees(popup, says.created).catch(() => {}); // it may have been closed by then
  assert.deepEqual(await hears(), [['success', link.connection_id]]);
});
