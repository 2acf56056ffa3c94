// Cookies, TLS, frames, and posts from pages of others.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answer, right, serve } from '../harness/server.mjs';
import { accept, button, connectByForm, connectByOAuth, fill, says, sees, signIn } from '../harness/steps.mjs';
import { tenantOf } from '../harness/world.mjs';
import { world } from '../suite.mjs';

test('TLS: the whole flow, with cookies that no other host can set, and HSTS', async (t) => {
  const { secure } = world();
  const { page, context, complaints } = await world().visitor(t);
  const key = await secure.createTenant('tls');
  const platform = (method, path, data) =>
    context.request.fetch(`${secure.url}${path}`, {
      method,
      data,
      headers: { authorization: `Bearer ${key}`, 'x-user-email': 'alice@example.com' },
    });
  let made;
  await untilOK(async () => (made = await platform('POST', '/platform/v1/connections/request-link', { app_id: 'crm', name: 'Work' })));
  const { request_link, connection_id } = (await made.json()).data;
  assert.ok(request_link.startsWith(`${secure.url}/connect/`));
  const response = await page.goto(request_link);
  assert.match(response.headers()['strict-transport-security'], /^max-age=\d{7,}/);
  await checkCookies(context, secure, ['__Host-vendgate-browser']);
  await connectByOAuth(page, request_link);
  await sees(page, says.created);
  assert.equal((await platform('GET', `/proxy/${connection_id}/crm/me`)).status(), 200);

  await signIn(page, secure, key);
  await sees(page, 'Connections');
  await checkCookies(context, secure, ['__Host-vendgate-browser', '__Host-vendgate-session']);
  await page.goto(`${secure.url}/connect/dashboard/budgets`);
  await page.waitForResponse(/budgets\/live$/);
  assert.deepEqual(complaints, []);
});

async function untilOK(send) {
  for (let tries = 0; tries < 50 && !(await send()).ok(); tries++) await new Promise((resolve) => setTimeout(resolve, 100));
}

/** Checks the cookies that the gateway has set: their names, and that no script and no other site can use them. */
async function checkCookies(context, gateway, names) {
  const cookies = await context.cookies(gateway.url);
  assert.deepEqual(cookies.map(({ name }) => name).sort(), names);
  const isSecure = gateway.url.startsWith('https:');
  for (const { name, ...cookie } of cookies) {
    const { httpOnly, sameSite, secure, path } = cookie;
    assert.deepEqual({ httpOnly, sameSite, secure, path }, { httpOnly: true, sameSite: 'Lax', secure: isSecure, path: '/' }, name);
  }
}

test('cookies: one of the browser, one of the way back, one of the session', async (t) => {
  const { gateway } = world();
  const tenant = await world().tenant('cookies');
  const { page, context } = await world().visitor(t);
  await page.goto((await tenant.link('crm')).request_link);
  await checkCookies(context, gateway, ['vendgate-browser']);
  await accept(page);
  await page.getByLabel('Email').waitFor();
  const [, back] = (await context.cookies(gateway.url)).map(({ name }) => name).sort();
  assert.match(back, /^vendgate-return-[0-9a-f]{8}$/);
  await checkCookies(context, gateway, ['vendgate-browser', back]);
  await button(page, 'Deny').click();
  await sees(page, 'Access was not granted');
  await checkCookies(context, gateway, ['vendgate-browser']);
  await signIn(page, gateway, tenant.key);
  await sees(page, 'Connections');
  await checkCookies(context, gateway, ['vendgate-browser', 'vendgate-session']);
});

test('forgery: a post from a page of another origin changes nothing', async (t) => {
  const { gateway } = world();
  const tenant = await world().tenant('forgery');
  const link = await tenant.link('crm');
  const forms = [
    [`${link.request_link}/reject`, {}],
    [`${link.request_link}/credentials`, { 'field.api_key': right.key }],
    [`${gateway.url}/connect/dashboard/keys/rotate`, {}],
    [`${gateway.url}/connect/dashboard/links`, { email: 'mallory@example.com', app: 'vault', name: 'Stolen', csrf: 'x'.repeat(43) }],
    [`${gateway.url}/connect/dashboard/sign-out`, {}],
  ];
  const { page } = await world().visitor(t);
  await page.goto(link.request_link);
  await signIn(page, gateway, tenant.key);
  await sees(page, 'Connections');
  const rows = (await gateway.audit(tenant.name)).length;
  for (const host of ['127.0.0.1', 'localhost']) {
    // Of another site the browser sends no cookie; of another port of the same host it does, and the form's token is missing.
    const foreign = await serve((req, res) => answer(res, 200, foreignForm(forms[Number(req.url.slice(1)) || 0])), host);
    t.after(foreign.stop);
    for (const i of forms.keys()) {
      await page.goto(`${foreign.url}/${i}`);
      await Promise.all([page.waitForURL((url) => url.origin === gateway.url), page.getByRole('button').click()]);
    }
  }
  assert.equal((await gateway.audit(tenant.name)).length, rows);
  assert.equal((await tenant.client.getConnection('alice@example.com', link.connection_id)).status, 'pending');
  await page.goto(`${gateway.url}/connect/dashboard/keys`);
  assert.equal(await page.locator('.keys li').count(), 1);
});

const foreignForm = ([action, values]) => `<!doctype html><title>Not ours</title><form method="post" action="${action}">
${Object.entries(values).map(([name, value]) => `<input name="${name}" value="${value}">`).join('')}<button>Win a prize</button></form>`;

test('branding: the logo, the colour and the name are the tenant’s, and images come from no other origin', async (t) => {
  const logo = 'https://cdn.example.test/logo.svg';
  const tenant = await world().tenant('brand', '--name', 'Zweihänder & Söhne', '--logo-url', logo, '--accent', '#c2185b');
  const { page, context, complaints } = await world().visitor(t);
  const asked = [];
  await context.route('https://cdn.example.test/**', (route) => {
    asked.push(route.request().headers());
    const body = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>';
    return route.fulfill({ contentType: 'image/svg+xml', body });
  });
  const response = await page.goto((await tenant.link('vault')).request_link);
  assert.match(response.headers()['content-security-policy'], /img-src 'self' https:\/\/cdn\.example\.test;/);
  await sees(page, 'Connect The Vault to Zweihänder & Söhne');
  const image = page.getByRole('img', { name: 'Logo of Zweihänder & Söhne' });
  assert.equal(await image.evaluate((img) => img.complete && img.naturalWidth > 0), true, 'the logo is not shown');
  assert.equal(asked[0].referer, undefined, 'the logo’s host learns the link');
  const main = page.getByRole('button', { name: 'Accept & Connect' });
  const [ground, text] = await main.evaluate((b) => [getComputedStyle(b).backgroundColor, getComputedStyle(b).color]);
  const [red, green, blue] = ground.match(/\d+/g).map(Number);
  assert.ok(red > 150 && green < 80 && blue > 50, `the button is ${ground}`);
  assert.equal(text, 'rgb(255, 255, 255)');
  assert.deepEqual(complaints, []);

  await page.evaluate(() => (document.querySelector('img.logo').src = 'https://elsewhere.example.test/x.png'));
  await page.waitForTimeout(100);
  assert.match(complaints.join('\n'), /img-src forbids https:\/\/elsewhere\.example\.test/);
});

test('frames: only the origins that the tenant names may frame a link', async (t) => {
  const frame = (url) => `<!doctype html><title>A frame</title><iframe src="${url}" width="500" height="900"></iframe>`;
  let address;
  const hosts = await Promise.all([1, 2].map(() => serve((_, res) => answer(res, 200, frame(address)))));
  t.after(() => hosts.forEach((host) => host.stop()));
  const [allowed, other] = hosts;
  const tenant = await world().tenant('frames', '--frame-ancestors', allowed.url);
  const strict = await world().tenant('no-frames');
  const framed = async (host, link) => {
    address = link.request_link;
    const { page } = await world().visitor(t);
    await page.goto(host.url);
    return page.frameLocator('iframe').getByRole('heading', { level: 1 }).isVisible();
  };
  assert.equal(await framed(allowed, await tenant.link('vault')), true);
  assert.equal(await framed(other, await tenant.link('vault')), false);
  assert.equal(await framed(allowed, await strict.link('vault')), false);
});

test('two browsers and a double click: one winner', async (t) => {
  const tenant = await world().tenant('race');
  const link = await tenant.link('vault');
  const visitors = await Promise.all([1, 2].map(() => world().visitor(t)));
  for (const { page } of visitors) {
    await page.goto(link.request_link);
    await accept(page);
    await fill(page, { 'API key': right.key });
  }
  await Promise.all(visitors.map(({ page }) => button(page, 'Grant Access').dblclick()));
  const ends = await Promise.all(visitors.map(({ page }) => page.getByRole('heading', { level: 1 }).filter({ hasText: /created|cannot be used/ }).innerText()));
  assert.deepEqual(ends.sort(), [says.created, 'This link cannot be used']);
  const events = (await world().gateway.audit(tenant.name)).map(({ event }) => event);
  assert.equal(events.filter((event) => event === 'connection_created').length, 1);
});
