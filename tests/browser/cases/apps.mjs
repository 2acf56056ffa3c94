// Each kind of app, and the renewal of a connection.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { right } from '../harness/server.mjs';
import { accept, button, connectByForm, connectByOAuth, fill, logIn, says, sees, signIn } from '../harness/steps.mjs';
import { alice } from '../harness/world.mjs';
import { world } from '../suite.mjs';

test('apps: client credentials, a wrong secret first', async (t) => {
  const { authserver } = world();
  const tenant = await world().tenant('app-robot');
  const link = await tenant.link('robot');
  const { page, complaints } = await world().visitor(t);
  await connectByForm(page, link.request_link, { 'Client ID': authserver.client.id, 'Client secret': 'wrong-secret-canary' });
  await page.getByText('Robot Fleet does not accept what you entered').first().waitFor();
  assert.equal(await page.getByLabel('Client ID').inputValue(), authserver.client.id, 'what is not secret need not be entered again');
  assert.equal(await page.getByLabel('Client secret').inputValue(), '');
  await fill(page, { 'Client secret': authserver.client.secret });
  await button(page, 'Grant Access').click();
  await sees(page, says.created);
  assert.equal((await tenant.call(link.connection_id, 'robot')).status, 200);
  assert.deepEqual(complaints, []);
});

test('apps: OAuth that asks for a field before the provider', async (t) => {
  const { apis } = world();
  const tenant = await world().tenant('app-shop');
  const link = await tenant.link('shop');
  const { page, complaints } = await world().visitor(t);
  await page.goto(link.request_link);
  await accept(page);
  await fill(page, { 'Shop name': 'blue/../jeans' });
  await button(page, 'Continue to Tailwind Shop').click();
  await page.getByText('Shop name is invalid').first().waitFor();
  await fill(page, { 'Shop name': 'blue-jeans' });
  await button(page, 'Continue to Tailwind Shop').click();
  await logIn(page);
  await sees(page, says.created);
  apis.calls.length = 0;
  assert.equal((await tenant.call(link.connection_id, 'shop', '/orders')).status, 200);
  assert.equal(apis.calls[0].url, '/crm/shops/blue-jeans/orders');
  assert.deepEqual(complaints, []);
});

test('apps: OAuth with a choice, and an address that is pasted, before the provider', async (t) => {
  const tenant = await world().tenant('app-tickets');
  const link = await tenant.link('tickets');
  const { page, complaints } = await world().visitor(t);
  await page.goto(link.request_link);
  await accept(page);
  await page.getByText('the “acme” in acme.tickets.example.com').waitFor();
  const onward = button(page, 'Continue to Ticket Office');
  await fill(page, { Site: 'https://acme.tickets.example.com.evil.example/' });
  await onward.click();
  assert.equal(await page.getByLabel('Region').evaluate((select) => select.validity.valueMissing), true, 'the browser asks for a choice');
  await page.getByLabel('Region').selectOption('us');
  await onward.click();
  await page.getByText('Site is invalid').first().waitFor();
  assert.equal(await page.getByLabel('Region').inputValue(), 'us', 'the choice need not be made again');
  const site = page.getByLabel('Site', { exact: true });
  assert.equal(await site.getAttribute('aria-invalid'), 'true');
  const described = await site.evaluate((input) => input.getAttribute('aria-describedby').split(' ').map((id) => document.getElementById(id).innerText));
  assert.match(described.join(' '), /whole address.*Site is invalid/s);
  await fill(page, { Site: 'https://acme.tickets.example.com/queue?open=1' });
  await onward.click();
  await logIn(page);
  await sees(page, says.created);
  const { fields } = await tenant.client.getToken(alice, link.connection_id);
  assert.deepEqual(fields, { site: 'acme', region: 'us' });
  assert.deepEqual(complaints, []);
});

test('apps: basic', async (t) => {
  const tenant = await world().tenant('app-desk');
  const link = await tenant.link('desk');
  const { page, complaints } = await world().visitor(t);
  await connectByForm(page, link.request_link, { 'User name': right.basic.username, Password: 'wrong' });
  await page.getByText('Help Desk does not accept what you entered').first().waitFor();
  await fill(page, { Password: right.basic.password });
  await button(page, 'Grant Access').click();
  await sees(page, says.created);
  assert.equal((await tenant.call(link.connection_id, 'desk')).status, 200);
  assert.deepEqual(await tenant.client.getToken(alice, link.connection_id), { auth_type: 'basic', fields: right.basic, expires_in: null });
  assert.deepEqual(complaints, []);
});

for (const javaScriptEnabled of [true, false]) {
  test(`apps: a key that is not confirmed, ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, async (t) => {
    const { gateway } = world();
    const tenant = await world().tenant(`app-harbour-${javaScriptEnabled}`, '--name', 'Acme Rockets');
    const link = await tenant.link('harbour');
    const { page, complaints } = await world().visitor(t, { javaScriptEnabled });
    await connectByForm(page, link.request_link, { Berth: '12', 'API key': 'wrong-key-canary' });
    await page.getByText('Harbour Master does not accept what you entered').first().waitFor();
    await fill(page, { 'API key': right.narrow });
    await button(page, 'Grant Access').click();
    await sees(page, 'Harbour Master did not confirm this');
    assert.equal((await page.content()).includes(right.narrow), false, 'the page holds the key');
    assert.equal((await tenant.client.getConnection(alice, link.connection_id)).status, 'pending');

    await button(page, 'Enter them again').click();
    await sees(page, 'Connect Harbour Master');
    assert.equal(await page.getByLabel('Berth').inputValue(), '12', 'what is not secret need not be entered again');
    assert.equal(await page.getByLabel('API key').inputValue(), '');
    const help = page.getByRole('link', { name: 'Where to find this in Harbour Master (opens in a new tab)' });
    assert.equal(await help.getAttribute('href'), 'https://help.harbour.example/keys');
    assert.equal(await help.getAttribute('rel'), 'noopener noreferrer');
    await fill(page, { 'API key': right.narrow });
    await button(page, 'Grant Access').click();
    await button(page, 'Save anyway').click();
    await sees(page, says.created);
    await page.getByText('Harbour Master did not confirm the credentials').waitFor();
    const made = await tenant.client.getConnection(alice, link.connection_id);
    assert.deepEqual([made.status, made.verified], ['active', false]);
    assert.equal((await tenant.call(link.connection_id, 'harbour', '/ships')).status, 200);

    const { page: desk } = await world().visitor(t);
    await signIn(desk, gateway, tenant.key);
    await desk.getByText('Not verified').waitFor();
    assert.deepEqual(complaints, []);
  });
}

test('apps: header', async (t) => {
  const tenant = await world().tenant('app-beacon');
  const link = await tenant.link('beacon');
  const { page, complaints } = await world().visitor(t);
  await connectByForm(page, link.request_link, { Account: right.header['X-Account'], Token: right.header['X-Token'] });
  await sees(page, says.created);
  assert.equal((await tenant.call(link.connection_id, 'beacon')).status, 200);
  assert.deepEqual(complaints, []);
});

test('refresh: the old credential works until the new one is there, under load', async (t) => {
  const { apis, gateway } = world();
  const tenant = await world().tenant('refresh');
  const link = await tenant.link('crm');
  const { page } = await world().visitor(t);
  await connectByOAuth(page, link.request_link, 'first@provider.example');
  await sees(page, says.created);
  apis.calls.length = 0;
  const load = startLoad(() => tenant.call(link.connection_id, 'crm'));
  const again = await gateway.refreshConnection(tenant.name, link.connection_id);
  assert.deepEqual(await state(tenant, link), ['active', true, false]);
  await page.goto(again);
  await sees(page, 'Renew your Northwind CRM connection');
  await accept(page);
  await button(page, 'Deny').click();
  await sees(page, 'Access was not granted');
  assert.deepEqual(await state(tenant, link), ['active', true, false]);
  await button(page, 'Try again').click();
  await page.getByLabel('Email').waitFor();
  const before = new Set(apis.calls.map(({ headers }) => headers.authorization));
  const answered = load.answers.length;
  await logIn(page, 'second@provider.example');
  await sees(page, says.renewed);
  await load.goOn(answered + 20);
  await load.stop();

  assert.deepEqual(load.answers.filter((status) => status !== 200), []);
  assert.equal(before.size, 1, 'one token until the renewal');
  assert.ok(answered > 0);
  assert.equal(before.has(apis.calls.at(-1).headers.authorization), false, 'the old token is still used');
  assert.deepEqual(await state(tenant, link), ['active', false, false]);
});

async function state(tenant, link) {
  const { status, refresh_pending, needs_reconnection } = await tenant.client.getConnection(alice, link.connection_id);
  return [status, refresh_pending, needs_reconnection];
}

/** Calls again and again, two calls at a time, and keeps the statuses of the answers. */
function startLoad(call) {
  const answers = [];
  let over = false;
  const worker = async () => {
    while (!over) {
      const status = await call().then((response) => response.arrayBuffer().then(() => response.status), String);
      answers.push(status);
    }
  };
  const workers = [worker(), worker()];
  const goOn = async (count) => {
    while (answers.length < count) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  const stop = () => {
    over = true;
    return Promise.all(workers);
  };
  return { answers, goOn, stop };
}
