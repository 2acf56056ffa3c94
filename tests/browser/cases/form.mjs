// What a form and an operator's picture of an app do in a real browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { picture } from '../harness/gateway.mjs';
import { right } from '../harness/server.mjs';
import { accept, button, fill, says, sees } from '../harness/steps.mjs';
import { world } from '../suite.mjs';

test('form: a secret is shown and hidden, by keyboard too, and is hidden when it is sent', async (t) => {
  const tenant = await world().tenant('form-reveal', '--name', 'Acme Rockets');
  const { page, complaints } = await world().visitor(t);
  await page.goto((await tenant.link('vault')).request_link);
  await accept(page);
  assert.equal(await page.title(), 'Connect The Vault to Acme Rockets');
  const field = page.getByLabel('API key', { exact: true });
  const reveal = page.getByRole('button', { name: 'Show API key' });
  await field.fill(right.key);
  for (const [pressed, type] of [['true', 'text'], ['false', 'password'], ['true', 'text']]) {
    await reveal.press('Space');
    assert.deepEqual([await reveal.getAttribute('aria-pressed'), await field.getAttribute('type')], [pressed, type]);
    assert.equal(await field.inputValue(), right.key);
  }
  await page.evaluate(() => document.querySelector('form.fields').addEventListener('submit', (e) => {
    document.title = document.getElementById('field-0').type;
    e.preventDefault();
  }));
  await button(page, 'Grant Access').click();
  assert.equal(await page.title(), 'password', 'a browser may offer to keep what was text');
  assert.deepEqual(complaints, []);
});

test('form: without JavaScript there is no button that does nothing', async (t) => {
  const tenant = await world().tenant('form-plain');
  const { page } = await world().visitor(t, { javaScriptEnabled: false });
  await page.goto((await tenant.link('vault')).request_link);
  await accept(page);
  assert.equal(await page.getByRole('button', { name: /Show/ }).count(), 0);
  await fill(page, { 'API key': right.key });
  await button(page, 'Grant Access').click();
  await sees(page, says.created);
});

test('icon: the operator’s picture is shown from the gateway, and can do nothing', async (t) => {
  const { gateway } = world();
  const tenant = await world().tenant('pictured');
  const { page, complaints } = await world().visitor(t);
  await page.goto((await tenant.link('vault')).request_link);
  const image = page.locator('.pair img.tile');
  assert.match(await image.getAttribute('src'), /^\/connect\/assets\/icon\/vault\.[0-9a-f]{16}\.svg$/);
  const colour = await image.evaluate(async (img) => {
    await img.decode();
    const canvas = Object.assign(document.createElement('canvas'), { width: 8, height: 8 });
    const pen = canvas.getContext('2d');
    pen.drawImage(img, 0, 0, 8, 8);
    return [...pen.getImageData(4, 4, 1, 1).data];
  });
  assert.deepEqual(colour, [0, 176, 80, 255]);
  assert.deepEqual(complaints, []);

  const opened = await page.goto(new URL(await image.getAttribute('src'), gateway.url).href);
  const { 'content-type': type, 'content-security-policy': policy, 'cache-control': cache, 'x-content-type-options': sniff } = opened.headers();
  assert.deepEqual([type, sniff], ['image/svg+xml', 'nosniff']);
  assert.match(policy, /^default-src 'none';.*sandbox$/);
  assert.match(cache, /immutable/);
  assert.equal(await opened.text(), picture);
  assert.equal(await page.locator('rect').count(), 1, 'its script ran');
});
