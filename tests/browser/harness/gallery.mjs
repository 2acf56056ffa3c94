// Every page that a person can see, and how to get there.
import { binary, run } from './program.mjs';
import { accept, button, connectByForm, connectByOAuth, fill, logIn, reject, says, sees, signIn } from './steps.mjs';
import { right } from './server.mjs';
import { alice, tenantOf } from './world.mjs';

/** A bounded text at its bound, without a place to break it: n bytes. */
const long = (n) => 'Wm'.repeat(n / 2);

/** How tenants appear: as they usually do, and with the longest names there can be. */
export const kinds = {
  plain: {
    tenant: 'rockets',
    look: ['--name', 'Acme Rockets', '--email', 'hello@acme.example', '--accent', '#0a7d55'],
    connection: 'Alice’s workspace',
    user: alice,
    hold: 'nightly-invoices',
  },
  longest: {
    tenant: 't'.repeat(63),
    look: ['--name', long(100), '--email', `${long(64)}@${[long(62), long(62), long(60)].join('.').toLowerCase()}.ex`,
      '--user-hint', `${long(190)} {user}`],
    connection: long(200),
    user: `${long(64).toLowerCase()}@${[long(62), long(62), long(60)].join('.').toLowerCase()}.ex`,
    hold: 'h'.repeat(100),
  },
};

/** Returns the pages of a kind of tenant, `[name, open]`, in an order in which each can be opened by the same browser. */
export async function openGallery(world, kind) {
  const { tenant, look, ...names } = kinds[kind];
  const stage = { world, ...names, tenant: await world.tenant(tenant, ...look) };
  return [...hosted(stage), ...dashboard(stage)];
}

const hosted = ({ world: { authserver }, tenant, connection, user }) => {
  const link = (app) => tenant.link(app, connection, user);
  let crm;
  return [
    ['invitation', async (page) => {
      crm = await link('crm');
      await page.goto(crm.request_link);
    }],
    ['redirecting', async (page) => {
      const provider = `${authserver.url}/**`;
      await page.route(provider, (route) => route.fulfill({ status: 204 })); // the browser stays where it is
      await Promise.all([page.waitForRequest(provider), accept(page)]);
      await sees(page, 'Taking you to Northwind CRM');
      await page.unroute(provider);
    }],
    ['provider problem', async (page) => {
      await page.goto(crm.request_link);
      await accept(page);
      await button(page, 'Deny').click();
      await sees(page, 'Access was not granted');
    }],
    ['success', async (page) => {
      await button(page, 'Try again').click();
      await logIn(page);
      await sees(page, says.created);
    }],
    ['invitation to renew', async (page) => {
      crm = await tenant.client.createRefreshLink(user, crm.connection_id);
      await page.goto(crm.request_link);
    }],
    ['renewed', async (page) => {
      await connectByOAuth(page, crm.request_link);
      await sees(page, says.renewed);
    }],
    ['form', async (page) => {
      await page.goto((await link('desk')).request_link);
      await accept(page);
      await sees(page, 'Connect Help Desk');
    }],
    ['form with a wrong credential', async (page) => {
      await fill(page, { 'User name': 'alice', Password: 'wrong' });
      await button(page, 'Grant Access').click();
      await page.getByRole('alert').waitFor();
    }],
    ['form with help', async (page) => {
      await page.goto((await link('harbour')).request_link);
      await accept(page);
      await sees(page, 'Connect Harbour Master');
    }],
    ['unconfirmed', async (page) => {
      await fill(page, { Berth: '12', 'API key': right.narrow });
      await button(page, 'Grant Access').click();
      await sees(page, 'Harbour Master did not confirm this');
    }],
    ['success, not verified', async (page) => {
      await button(page, 'Save anyway').click();
      await sees(page, says.created);
    }],
    ['form with a choice', async (page) => {
      await page.goto((await link('tickets')).request_link);
      await accept(page);
      await sees(page, 'Connect Ticket Office');
    }],
    ['form with a choice and a wrong field', async (page) => {
      await fill(page, { Site: 'a.b' });
      await page.getByLabel('Region').selectOption('us');
      await button(page, 'Continue to Ticket Office').click();
      await page.getByRole('alert').waitFor();
    }],
    ['form with a wrong field', async (page) => {
      await page.goto((await link('shop')).request_link);
      await accept(page);
      await fill(page, { 'Shop name': 'a/../b' });
      await button(page, 'Continue to Tailwind Shop').click();
      await page.getByRole('alert').waitFor();
    }],
    ['refusal', async (page) => {
      await page.goto((await link('vault')).request_link);
      await reject(page);
      await sees(page, says.declined);
    }],
    ['invalid link', (page) => page.goto(crm.request_link)],
    ['browser problem', async (page) => {
      await page.goto((await link('crm')).request_link);
      await page.context().clearCookies();
      await accept(page);
      await sees(page, 'Your browser did not keep this session');
    }],
    ['problem', async (page) => {
      await page.goto((await link('crm')).request_link);
      await page.locator('[name=csrf]').first().evaluate((input) => (input.value = 'x'.repeat(300 << 10)));
      await accept(page);
      await sees(page, 'This request cannot be processed');
    }],
  ];
};

const dashboard = (stage) => {
  const { world: { gateway }, tenant, connection, user } = stage;
  const at = (path) => `${gateway.url}/connect/dashboard${path}`;
  const visit = (path) => (page) => page.goto(at(path));
  return [
    ['sign-in', visit('/sign-in')],
    ['sign-in with a wrong key', async (page) => {
      await signIn(page, gateway, 'pk_live_wrong');
      await page.getByRole('alert').waitFor();
    }],
    ['no connections', async (page) => {
      const empty = await stage.world.tenant(`${tenant.name.slice(0, 50)}-empty`);
      await signIn(page, gateway, empty.key);
      await page.getByText('No connections yet.').waitFor();
    }],
    ['connections', async (page) => {
      await populate(stage);
      await signIn(page, gateway, tenant.key);
      await page.locator('.badge').getByText('Needs reconnection').waitFor();
    }],
    ['search without a result', visit('?q=nothing-of-that-name&status=active')],
    ['new link', visit('/links/new')],
    ['new link with errors', async (page) => {
      await page.locator('form.fields').evaluate((form) => (form.noValidate = true));
      await page.getByLabel('End user').fill('not an address');
      await button(page, 'Generate link').click();
      await page.getByRole('alert').waitFor();
    }],
    ['link made', async (page) => {
      await page.getByLabel('End user').fill(user);
      await page.getByLabel('App').fill('the vault');
      await page.getByLabel('Connection name').fill(connection);
      await button(page, 'Generate link').click();
      await sees(page, 'Share this link');
    }],
    ['link made to refresh', async (page) => {
      await page.goto(at('?status=active'));
      await page.getByRole('button', { name: /^Refresh credentials/ }).first().click();
      await sees(page, 'Share this link');
    }],
    ['connections to reconnect', visit('?status=needs_reconnection')],
    ['update', async (page) => {
      await page.goto(at('?app=harbour'));
      await page.getByRole('link', { name: /^Update data/ }).first().click();
      await sees(page, 'Update connection data');
    }],
    ['update with a wrong field', async (page) => {
      await fill(page, { 'API key': 'x'.repeat(20000) });
      await button(page, 'Update connection').click();
      await page.getByRole('alert').waitFor();
    }],
    ['update, not confirmed', async (page) => {
      await fill(page, { 'API key': right.narrow });
      await button(page, 'Update connection').click();
      await page.getByLabel('Save it even if Harbour Master does not confirm it').check();
    }],
    ['updated, not verified', async (page) => {
      await fill(page, { 'API key': right.narrow });
      await button(page, 'Update connection').click();
      await sees(page, 'Connection updated');
    }],
    ['updated', async (page) => {
      await page.goto(at('?q=held'));
      await page.getByRole('link', { name: /^Update data/ }).first().click();
      await fill(page, { 'API key': right.key });
      await button(page, 'Update connection').click();
      await sees(page, 'Connection updated');
    }],
    ['delete', visit(`?status=rejected`), /Delete this connection/],
    ['delete blocked', visit(`?q=held`), /This connection is in use/],
    ['keys', visit('/keys')],
    ['keys with a new key', async (page) => {
      await button(page, 'Rotate: create a second key').click();
      await page.getByText('Promote the new key…').click();
    }],
    ['keys with an MCP URL', async (page) => {
      await button(page, 'Issue an MCP URL').click();
      await page.getByLabel('The MCP URL').waitFor();
    }],
    ['audit trail', visit('/audit')],
    ['audit trail without a row', visit('/audit?connection=none')],
    ['budgets', async (page) => {
      const thrifty = tenantOf(gateway, 'thrifty', await stage.world.thriftyKey());
      for (let i = 0; i < 12; i++) await thrifty.call('conn_none', 'vault');
      await signIn(page, gateway, thrifty.key);
      await page.goto(at('/budgets'));
    }],
    ['a connection of another tenant', visit('/connections/conn_none/delete')],
  ].map(([name, open, deletes]) => [name, deletes ? openDelete(open, deletes) : open]);
};

/** Goes from a list to the page that asks whether to delete its first connection. */
const openDelete = (open, title) => async (page) => {
  await open(page);
  await page.getByRole('link', { name: /^Delete/ }).first().click();
  await sees(page, title);
};

/** Makes a connection of each state. */
async function populate({ world: { gateway, browser }, tenant, connection, user, hold }) {
  const context = await browser.newContext();
  const page = await context.newPage();
  const link = (app, name = connection) => tenant.link(app, name, user);

  await connectByForm(page, (await link('vault')).request_link, { 'API key': right.key });
  await sees(page, says.created);
  const renewing = await link('vault');
  await connectByForm(page, renewing.request_link, { 'API key': right.key });
  await sees(page, says.created);
  await gateway.refreshConnection(tenant.name, renewing.connection_id);
  await page.goto((await link('crm')).request_link);
  await reject(page);
  await sees(page, says.declined);
  await link('beacon');
  await expiredLink(gateway, { tenant: tenant.name, user, app: 'vault', name: connection });
  const revoked = { access_token: 'old', refresh_token: 'revoked', expires_at: '2020-01-01T00:00:00Z' };
  const lost = await gateway.importConnection(tenant.name, user, 'crm', revoked, '--name', connection);
  await tenant.call(lost, 'crm', '/me', { user });
  const held = await gateway.importConnection(tenant.name, user, 'vault', { api_key: right.key }, '--name', `held ${connection}`.slice(0, 200));
  await tenant.client.hold(user, held, hold);
  await context.close();
}

/** Makes a link that has expired, and returns its address and the connection's id. */
export async function expiredLink(gateway, { tenant, user, app, name }) {
  const file = await binary('oldlink', 'OLDLINK_BIN', '.', './tests/browser/oldlink');
  const made = await run(file, ['-data', gateway.dataDir, '-tenant', tenant, '-user', user, '-app', app, '-name', name]);
  const { connection_id, path } = JSON.parse(made);
  return { connection_id, request_link: gateway.url + path };
}
