// The pages without JavaScript.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { right } from '../harness/server.mjs';
import { accept, button, connectByForm, connectByOAuth, fill, logIn, reject, says, sees } from '../harness/steps.mjs';
import { alice } from '../harness/world.mjs';
import { world } from '../suite.mjs';

const plain = { javaScriptEnabled: false };
const status = async (tenant, link) => (await tenant.client.getConnection(alice, link.connection_id)).status;
const text = (page) => page.locator('main').innerText();

test('without JavaScript: OAuth', async (t) => {
  const tenant = await world().tenant('plain-oauth', '--name', 'Plain Ltd');
  const link = await tenant.link('crm', 'My CRM');
  const { page, complaints } = await world().visitor(t, plain);
  await page.goto(link.request_link);
  const invitation = await text(page);
  for (const said of ['Northwind CRM', 'Plain Ltd', 'hello@plain-oauth.example', 'My CRM', 'on your behalf']) {
    assert.ok(invitation.includes(said), `the invitation does not say ${said}`);
  }
  await accept(page);
  await logIn(page);
  await sees(page, says.created);
  assert.equal(page.url(), `${link.request_link}/done`, 'the address still has the code');
  assert.equal(await status(tenant, link), 'active');
  assert.equal((await tenant.call(link.connection_id, 'crm')).status, 200);

  await page.reload();
  await sees(page, says.created);
  await page.goBack(); // to the provider, whose second answer is to no question any more
  await logIn(page, 'mallory@provider.example');
  await sees(page, 'Your browser did not keep this session');
  await page.goto(link.request_link);
  assert.ok((await text(page)).includes(says.invalid));
  assert.equal(await status(tenant, link), 'active');
  assert.deepEqual(complaints, []);
});

test('without JavaScript: an API key, a wrong one first', async (t) => {
  const { apis } = world();
  const tenant = await world().tenant('plain-key');
  const link = await tenant.link('vault');
  const { page, complaints } = await world().visitor(t, plain);
  await connectByForm(page, link.request_link, { 'API key': 'wrong-key-canary' });
  await page.getByText('The Vault does not accept what you entered').first().waitFor();
  const shown = await page.content();
  assert.equal(shown.includes('wrong-key-canary'), false, 'the page repeats the key');
  assert.equal(shown.includes('alert(1)'), false, 'the page repeats what the API said');
  assert.equal(await status(tenant, link), 'pending');
  await assert.rejects(tenant.client.getToken(alice, link.connection_id), { code: 'connection_not_active' });

  apis.calls.length = 0;
  await fill(page, { 'API key': right.key });
  await button(page, 'Grant Access').click();
  await sees(page, says.created);
  assert.equal(apis.calls.length, 1, 'the key is tried once');
  assert.equal(await status(tenant, link), 'active');
  assert.deepEqual((await tenant.client.getToken(alice, link.connection_id)).fields, { api_key: right.key });
  assert.deepEqual(complaints, []);
});

test('without JavaScript: back to a form that was used', async (t) => {
  const tenant = await world().tenant('plain-form');
  const link = await tenant.link('vault');
  const { page } = await world().visitor(t, plain);
  await connectByForm(page, link.request_link, { 'API key': right.key });
  await sees(page, says.created);
  await page.goBack();
  assert.equal(page.url(), `${link.request_link}/credentials`);
  assert.ok((await text(page)).includes(says.invalid));
  await page.goForward();
  await sees(page, says.created);
});

test('without JavaScript: rejection, at the invitation and at the form', async (t) => {
  const tenant = await world().tenant('plain-reject');
  const { page, complaints } = await world().visitor(t, plain);
  for (const before of [async () => {}, accept]) {
    const link = await tenant.link('vault');
    await page.goto(link.request_link);
    await before(page);
    await reject(page);
    await sees(page, says.declined);
    assert.equal(await status(tenant, link), 'rejected');
    await page.reload();
    await sees(page, says.declined);
  }
  assert.deepEqual(complaints, []);
});

test('without JavaScript: links that are used, replaced or unknown get one and the same page', async (t) => {
  const { gateway } = world();
  const tenant = await world().tenant('plain-invalid');
  const used = await tenant.link('vault');
  const replaced = await tenant.link('vault');
  await gateway.refreshConnection(tenant.name, replaced.connection_id);
  await connectByForm((await world().visitor(t, plain)).page, used.request_link, { 'API key': right.key });
  const { page } = await world().visitor(t, plain);
  const pages = new Set();
  for (const address of [used.request_link, replaced.request_link, `${gateway.url}/connect/${'A'.repeat(32)}`, `${gateway.url}/connect/x/y/z`]) {
    const response = await page.goto(address);
    assert.equal(response.status(), 404);
    assert.ok((await text(page)).includes(says.invalid));
    pages.add(await response.text());
  }
  assert.equal(pages.size, 1);
});

test('without JavaScript: declined at the provider, then tried again', async (t) => {
  const tenant = await world().tenant('plain-declined');
  const link = await tenant.link('crm');
  const { page, complaints } = await world().visitor(t, plain);
  await page.goto(link.request_link);
  await accept(page);
  await button(page, 'Deny').click();
  await sees(page, 'Access was not granted');
  assert.match(await text(page), /This link can still be used/);
  assert.equal(await status(tenant, link), 'pending');
  await button(page, 'Try again').click();
  await logIn(page);
  await sees(page, says.created);
  assert.deepEqual(complaints, []);
});

test('without JavaScript: the provider fails at the exchange, then works', async (t) => {
  const { authserver } = world();
  const tenant = await world().tenant('plain-outage');
  const link = await tenant.link('crm');
  const { page } = await world().visitor(t, plain);
  await page.goto(link.request_link);
  await accept(page);
  await authserver.fail({ times: '10' });
  await logIn(page);
  await sees(page, 'Northwind CRM cannot be reached');
  await authserver.fail({ times: '0' });
  assert.equal(await status(tenant, link), 'pending');
  await button(page, 'Try again').click();
  await logIn(page);
  await sees(page, says.created);
});

test('without JavaScript: back from the provider, and on again', async (t) => {
  const tenant = await world().tenant('plain-back');
  const link = await tenant.link('crm');
  const { page } = await world().visitor(t, plain);
  await page.goto(link.request_link);
  await accept(page);
  await page.getByLabel('Email').waitFor();
  await page.goto(link.request_link); // a back button that would send a form again asks first; people open the link anew
  await connectByOAuth(page, link.request_link);
  await sees(page, says.created);
  assert.equal(await status(tenant, link), 'active');
});

test('without JavaScript: an answer of the provider in another browser is refused', async (t) => {
  const tenant = await world().tenant('plain-other');
  const link = await tenant.link('crm');
  const [mine, other] = [await world().visitor(t, plain), await world().visitor(t, plain)];
  let callback;
  await mine.context.route('**/oauth2/auth?**login=**', async (route) => {
    callback = (await route.fetch({ maxRedirects: 0 })).headers().location;
    return route.fulfill({ status: 200, body: 'held back' });
  });
  await connectByOAuth(mine.page, link.request_link);
  await mine.page.getByText('held back').waitFor();
  await other.page.goto(callback);
  await sees(other.page, 'Your browser did not keep this session');
  assert.equal(await status(tenant, link), 'pending');
});
