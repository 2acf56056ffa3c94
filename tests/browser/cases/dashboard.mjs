// The tenant's dashboard.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expiredLink } from '../harness/gallery.mjs';
import { until } from '../harness/program.mjs';
import { right } from '../harness/server.mjs';
import { button, connectByForm, connectByOAuth, reject, says, sees, signIn } from '../harness/steps.mjs';
import { alice, tenantOf } from '../harness/world.mjs';
import { world } from '../suite.mjs';

const at = (path) => `${world().gateway.url}/connect/dashboard${path}`;

/** Opens the dashboard of a tenant. */
async function office(t, tenant, options) {
  const visitor = await world().visitor(t, options);
  await signIn(visitor.page, world().gateway, tenant.key);
  await sees(visitor.page, 'Connections');
  return visitor;
}

const row = (page, name) => page.getByRole('row').filter({ hasText: name });

/** Copies what the page shows once, and returns what is in the clipboard. */
async function copy(page) {
  await button(page, 'Copy').click();
  await button(page, 'Copied').waitFor();
  return page.evaluate(() => navigator.clipboard.readText());
}

test('dashboard: a wrong key, a right one, and signing out', async (t) => {
  const { gateway } = world();
  const tenant = await world().tenant('office-door');
  const { page, context, complaints } = await world().visitor(t);
  await page.goto(at(''));
  await sees(page, 'Sign in to the dashboard');
  await signIn(page, gateway, 'pk_live_wrong');
  await page.getByRole('alert').getByText('This tenant key is unknown or retired.').waitFor();
  assert.equal((await page.content()).includes('pk_live_wrong'), false);
  await signIn(page, gateway, tenant.key);
  await sees(page, 'Connections');
  assert.equal((await page.content()).includes(tenant.key), false);
  const session = (await context.cookies()).find(({ name }) => name === 'vendgate-session');
  assert.notEqual(session.value.includes(tenant.key.slice(8)), true);

  await button(page, 'Sign out').click();
  await sees(page, 'Sign in to the dashboard');
  await context.addCookies([session]); // somebody kept it
  await page.goto(at('/keys'));
  await sees(page, 'Sign in to the dashboard');
  assert.deepEqual(complaints, []);
});

test('dashboard: the badges of the guide, search and filters', async (t) => {
  const { gateway } = world();
  const tenant = await world().tenant('office-badges');
  const { page: enduser } = await world().visitor(t);
  await tenant.link('crm', 'One that waits');
  await connectByForm(enduser, (await tenant.link('vault', 'One that works')).request_link, { 'API key': right.key });
  await sees(enduser, says.created);
  const renewing = await tenant.link('vault', 'One that renews');
  await connectByForm(enduser, renewing.request_link, { 'API key': right.key });
  await sees(enduser, says.created);
  await gateway.refreshConnection(tenant.name, renewing.connection_id);
  await enduser.goto((await tenant.link('crm', 'One that said no')).request_link);
  await reject(enduser);
  await sees(enduser, says.declined);
  const expired = await expiredLink(gateway, { tenant: tenant.name, user: alice, app: 'vault', name: 'One that expired' });
  const revoked = { access_token: 'old', refresh_token: 'revoked', expires_at: '2020-01-01T00:00:00Z' };
  const lost = await gateway.importConnection(tenant.name, 'bob@example.com', 'crm', revoked, '--name', 'One that was lost');
  assert.equal((await tenant.call(lost, 'crm', '/me', { user: 'bob@example.com' })).status, 401);

  const { page, complaints } = await office(t, tenant);
  const badges = {
    'One that waits': ['Pending'],
    'One that works': ['Active', 'Via Link'],
    'One that renews': ['Active', 'Pending', 'Via Link'],
    'One that said no': ['Rejected'],
    'One that expired': ['Expired'],
    'One that was lost': ['Needs reconnection'],
  };
  for (const [name, want] of Object.entries(badges)) {
    assert.deepEqual(await row(page, name).locator('.badge').allInnerTexts(), want, name);
  }
  const warning = await row(page, 'One that expired').innerText();
  assert.match(warning, /This connection link expired on \d+ \w+ \d{4}, .*Click Refresh credentials to generate a new link\./);
  assert.match(await row(page, 'One that renews').innerText(), /Existing credentials still work/);

  const names = () => page.locator('tbody th b').allInnerTexts();
  await page.getByLabel('Search').fill('said NO');
  await button(page, 'Filter').click();
  assert.deepEqual(await names(), ['One that said no']);
  await page.getByRole('link', { name: 'Clear' }).click();
  await page.getByLabel('Search').fill('bob@');
  await page.getByLabel('Search').press('Enter');
  assert.deepEqual(await names(), ['One that was lost']);
  await page.goto(at('?status=expired'));
  assert.deepEqual(await names(), ['One that expired']);
  await page.goto(at(''));
  await page.getByLabel('App').fill('The Vault');
  await page.getByLabel('Status').selectOption('active');
  await button(page, 'Filter').click();
  assert.deepEqual((await names()).sort(), ['One that renews', 'One that works']);

  const { page: visitor } = await world().visitor(t);
  await visitor.goto(expired.request_link);
  assert.ok((await visitor.locator('main').innerText()).includes(says.invalid));
  assert.deepEqual(complaints, []);
});

test('dashboard: a link is made and copied, and works in another browser', async (t) => {
  const { gateway } = world();
  const tenant = await world().tenant('office-link');
  const { page, context, complaints } = await office(t, tenant);
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: gateway.url });
  await page.getByRole('link', { name: 'Request a connection' }).first().click();
  await page.getByLabel('End user').fill('Alice@Example.com ');
  const offered = await page.locator('#apps option').evaluateAll((options) => options.map(({ value }) => value));
  assert.deepEqual(['Northwind CRM', 'The Vault', 'Gmail'].filter((name) => offered.includes(name)), ['Northwind CRM', 'The Vault']);
  await page.getByLabel('App').fill('northwind crm');
  await page.getByLabel('Connection name').fill('From the dashboard');
  await button(page, 'Generate link').click();
  await sees(page, 'Share this link');
  const link = await copy(page);
  assert.ok(link.startsWith(`${gateway.url}/connect/`), 'the clipboard holds no link');
  await page.goto(at(''));
  assert.equal((await page.content()).includes(link.split('/').at(-1)), false, 'the link is shown twice');

  const { page: enduser } = await world().visitor(t);
  await connectByOAuth(enduser, link);
  await sees(enduser, says.created);
  await page.reload();
  assert.deepEqual(await row(page, 'From the dashboard').locator('.badge').allInnerTexts(), ['Active', 'Via Link']);
  const { connections } = await tenant.client.listConnections(alice);
  assert.deepEqual(connections.map(({ name, status }) => [name, status]), [['From the dashboard', 'active']]);

  await row(page, 'From the dashboard').getByRole('button', { name: 'Refresh credentials' }).click();
  await sees(page, 'Share this link');
  await page.getByText('The existing credentials stay in use until new ones are submitted.').waitFor();
  const again = await copy(page);
  assert.notEqual(again, link);
  await connectByOAuth(enduser, again, 'second@provider.example');
  await sees(enduser, says.renewed);
  assert.deepEqual(complaints, []);
});

test('dashboard: wrong entries are explained, and what was entered stays', async (t) => {
  const tenant = await world().tenant('office-errors');
  const { page } = await office(t, tenant);
  await page.goto(at('/links/new'));
  await page.locator('form.fields').evaluate((form) => (form.noValidate = true));
  await page.getByLabel('End user').fill('not an address');
  await page.getByLabel('Connection name').fill('Kept');
  await button(page, 'Generate link').click();
  const alert = await page.getByRole('alert').innerText();
  assert.match(alert, /End user: Enter one email address/);
  assert.match(alert, /App: Choose an app/);
  assert.match(await page.title(), /^Error: /);
  assert.equal(await page.getByLabel('Connection name').inputValue(), 'Kept');
  assert.equal((await tenant.client.listConnections(alice)).total, 0);
});

test('dashboard: a connection is deleted, but not while something holds it', async (t) => {
  const { gateway } = world();
  const tenant = await world().tenant('office-delete');
  const id = await gateway.importConnection(tenant.name, alice, 'vault', { api_key: right.key }, '--name', 'To be deleted');
  await tenant.client.hold(alice, id, 'nightly-invoices');
  const { page, complaints } = await office(t, tenant);
  await row(page, 'To be deleted').getByRole('link', { name: /^Delete/ }).click();
  await sees(page, 'This connection is in use');
  assert.match(await page.locator('main').innerText(), /nightly-invoices/);
  assert.equal(await page.getByRole('button', { name: /Delete/ }).count(), 0);

  await tenant.client.release(alice, id, 'nightly-invoices');
  await page.reload();
  await tenant.client.hold(alice, id, 'weekly-report'); // between the question and the answer
  await button(page, 'Delete connection').click();
  await sees(page, 'This connection is in use');
  assert.equal((await tenant.call(id, 'vault')).status, 200);

  await tenant.client.release(alice, id, 'weekly-report');
  await page.goto(at(`/connections/${id}/delete`));
  await button(page, 'Delete connection').click();
  await page.getByText('No connections yet.').waitFor();
  assert.equal((await tenant.call(id, 'vault')).status, 404);
  assert.deepEqual(complaints, []);
});

test('dashboard: what a connection holds is replaced, once the app accepts it', async (t) => {
  const { gateway } = world();
  const tenant = await world().tenant('office-update');
  const id = await gateway.importConnection(tenant.name, alice, 'vault', { api_key: right.key }, '--name', 'To be updated');
  const lost = { access_token: 'old', refresh_token: 'revoked', expires_at: '2020-01-01T00:00:00Z' };
  const signsIn = await gateway.importConnection(tenant.name, alice, 'crm', lost, '--name', 'To be signed in to');
  assert.equal((await tenant.call(signsIn, 'crm', '/me')).status, 401);
  const { page, complaints } = await office(t, tenant);
  assert.equal(await row(page, 'To be signed in to').getByRole('link', { name: /Update data/ }).count(), 0);
  await page.getByLabel('Status').selectOption('Needs reconnection');
  await button(page, 'Filter').click();
  assert.deepEqual(await page.locator('tbody th b').allInnerTexts(), ['To be signed in to']);
  await page.getByRole('link', { name: 'Clear' }).click();

  await row(page, 'To be updated').getByRole('link', { name: 'Update data of To be updated' }).click();
  await sees(page, 'Update connection data');
  assert.equal((await page.content()).includes(right.key), false, 'the page holds the secret');
  await page.getByLabel('API key').fill('wrong-key');
  await button(page, 'Show API key').click();
  assert.equal(await page.getByLabel('API key').getAttribute('type'), 'text');
  await button(page, 'Update connection').click();
  assert.match(await page.getByRole('alert').innerText(), /The Vault does not accept what you entered/);
  assert.match(await page.title(), /^Error: /);
  assert.equal((await page.content()).includes('wrong-key'), false, 'the page holds what was entered');
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('role')), 'alert');
  assert.equal((await tenant.call(id, 'vault')).status, 200);

  await page.getByLabel('API key').fill(right.key);
  await page.getByLabel('API key').press('Enter');
  await sees(page, 'Connection updated');
  await page.getByText('The Vault accepts the new credentials').waitFor();
  assert.equal((await tenant.call(id, 'vault')).status, 200);
  await page.goto(at(`/audit?connection=${id}`));
  assert.deepEqual(await page.locator('tbody td[data-label=Event] b').allInnerTexts(), ['Credentials updated', 'Connection imported']);
  assert.deepEqual(complaints, []);
});

test('dashboard: keys are rotated and promoted, and the old one’s session ends', async (t) => {
  const { gateway } = world();
  const tenant = await world().tenant('office-keys');
  const id = await gateway.importConnection(tenant.name, alice, 'vault', { api_key: right.key });
  const { page, context, complaints } = await office(t, tenant);
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: gateway.url });
  await page.goto(at('/keys'));
  await button(page, 'Rotate: create a second key').click();
  await page.getByRole('heading', { name: 'Your new tenant key' }).waitFor();
  const fresh = await copy(page);
  assert.match(fresh, /^pk_live_[0-9A-Za-z]{43}$/);
  await page.goto(at('/keys'));
  assert.equal((await page.content()).includes(fresh), false, 'the key is shown twice');
  assert.deepEqual(await page.locator('.keys .badge').allInnerTexts(), ['This session', 'Retires on promotion', 'New']);
  const status = async (as) => (await tenant.call(id, 'vault', '/me', { as })).status;
  await until('the new key to work', async () => (await status(fresh)) === 200);
  assert.equal(await status(tenant.key), 200);

  await page.getByText('Promote the new key…').click();
  await button(page, 'Promote and retire the old key').click();
  await sees(page, 'Sign in to the dashboard');
  await until('the old key to be refused', async () => (await status(tenant.key)) === 401);
  assert.equal(await status(fresh), 200);
  await signIn(page, gateway, tenant.key);
  await page.getByRole('alert').waitFor();
  await signIn(page, gateway, fresh);
  await sees(page, 'Connections');
  assert.deepEqual(complaints, []);
});

test('dashboard: budgets are seen while they are spent and refused', async (t) => {
  const { gateway } = world();
  const thrifty = tenantOf(gateway, 'thrifty', await world().thriftyKey());
  const id = await gateway.importConnection('thrifty', alice, 'vault', { api_key: right.key });
  const { page, complaints } = await office(t, thrifty);
  await page.goto(at('/budgets'));
  const panel = page.getByRole('region', { name: 'Token budget' });
  const shown = async () => {
    const text = await panel.innerText();
    return { left: Number(text.match(/(\d+)\s+of 6 left/)[1]), refused: Number(text.match(/(\d+) refusals? in the last hour/)?.[1] ?? 0) };
  };
  const before = await shown();
  const loaded = await page.evaluate(() => performance.timeOrigin);
  const statuses = await Promise.all(Array.from({ length: 10 }, async () => (await thrifty.call(id, 'vault')).status));
  const refused = statuses.filter((status) => status === 429).length;
  assert.ok(refused >= 4, `${refused} of ten calls were refused`);
  await until('the chart to show it', async () => (await shown()).refused === before.refused + refused);
  assert.ok((await shown()).left < 6);
  assert.equal(await panel.locator('.chart .some').count() > 0, true);
  assert.match(await page.getByRole('region', { name: 'The Vault' }).innerText(), /\d+ of 80 left this minute/);
  const each = await page.getByRole('region', { name: 'Connection budget' }).innerText();
  assert.match(each, /90 a minute each/);
  assert.match(each, new RegExp(`${id}\\s+\\d+ of 90 left`));
  assert.equal(await page.evaluate(() => performance.timeOrigin), loaded, 'the page was loaded anew');
  assert.deepEqual(complaints, []);
});

test('dashboard: the audit trail', async (t) => {
  const tenant = await world().tenant('office-audit');
  const link = await tenant.link('vault', 'Audited');
  const { page: enduser } = await world().visitor(t);
  await connectByForm(enduser, link.request_link, { 'API key': right.key });
  await sees(enduser, says.created);
  const { page, complaints } = await office(t, tenant);
  await page.getByRole('link', { name: 'Audit', exact: true }).click();
  await sees(page, 'Audit trail');
  await page.getByRole('link', { name: link.connection_id }).first().click();
  const events = await page.locator('tbody td[data-label=Event] b').allInnerTexts();
  assert.deepEqual(events, ['Connection created', 'Link accepted', 'Link opened', 'Link created']);
  await page.getByLabel('Connection id').fill('');
  await page.getByLabel('Event').selectOption('signed_in');
  await button(page, 'Filter').click();
  assert.deepEqual(await page.locator('tbody td[data-label=Event] b').allInnerTexts(), ['Signed in']);
  await page.goto(at('/audit'));
  const text = await page.content();
  for (const secret of [tenant.key, link.request_token, right.key]) assert.equal(text.includes(secret), false, 'the trail holds a secret');
  assert.deepEqual(complaints, []);
});

test('dashboard: what is another tenant’s is not there', async (t) => {
  const [mine, other] = [await world().tenant('office-mine'), await world().tenant('office-other')];
  const link = await other.link('vault', 'Not to be seen');
  const { page } = await office(t, mine);
  for (const path of [`?q=${link.connection_id}`, '?q=Not+to+be+seen', `/audit?connection=${link.connection_id}`]) {
    await page.goto(at(path));
    assert.equal((await page.locator('main').innerText()).includes('Not to be seen'), false);
    assert.equal(await page.locator('tbody tr').count(), 0);
  }
  assert.equal((await page.goto(at(`/connections/${link.connection_id}/delete`))).status(), 404);
  await sees(page, 'There is no such connection');
  assert.match(await page.locator('main').innerText(), /It was deleted, or its id is wrong/);
  const csrf = await page.locator('[name=csrf]').first().inputValue();
  for (const action of ['refresh', 'update', 'delete']) {
    const response = await page.request.post(at(`/connections/${link.connection_id}/${action}`), { form: { csrf } });
    assert.equal(response.status(), 404, action);
  }
  assert.equal((await other.client.getConnection(alice, link.connection_id)).status, 'pending');
});

test('dashboard: a key without a capability is told so', async (t) => {
  const { gateway } = world();
  const tenant = await world().tenant('office-reader', '--capabilities', 'apps,connections');
  const link = await tenant.link('vault', 'Cannot be deleted');
  const { page } = await office(t, tenant);
  assert.equal((await page.goto(at(`/connections/${link.connection_id}/delete`))).status(), 403);
  await sees(page, 'Your key does not allow this');
  assert.match(await page.locator('main').innerText(), /lacks the capability delete/);

  const blind = await world().tenant('office-blind', '--capabilities', 'apps,token');
  await signIn(page, gateway, blind.key);
  await sees(page, 'Your key does not allow this');
  for (const path of ['/keys', '/audit', '/budgets', '/links/new']) {
    assert.equal((await page.goto(at(path))).status(), 403, path);
    assert.match(await page.locator('main').innerText(), /lacks the capability connections/);
  }
  await button(page, 'Sign out').click();
  await sees(page, 'Sign in to the dashboard');
});
