// The flow by keyboard alone.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tabOrder } from '../harness/accessibility.mjs';
import { right } from '../harness/server.mjs';
import { says, sees, signIn } from '../harness/steps.mjs';
import { world } from '../suite.mjs';

/** Presses Tab until something of that name has the focus, and fails if it does not show that it has. */
async function tabTo(page, name) {
  const [focused] = (await tabOrder(page, 30, name)).slice(-1);
  assert.deepEqual(focused, { name, visible: true });
}

test('keyboard: from the invitation to the connection', async (t) => {
  const tenant = await world().tenant('keyboard');
  const { page } = await world().visitor(t, { reducedMotion: 'reduce' });
  await page.goto((await tenant.link('desk')).request_link);
  assert.deepEqual(await tabOrder(page), [
    { name: 'Accept & Connect', visible: true },
    { name: 'Reject', visible: true },
  ]);
  await tabTo(page, 'Accept & Connect');
  await page.keyboard.press('Enter');
  await sees(page, 'Connect Help Desk');
  assert.deepEqual(await tabOrder(page), [
    { name: 'User name', visible: true },
    { name: 'Password', visible: true },
    { name: 'Show Password', visible: true },
    { name: 'Grant Access', visible: true },
    { name: 'Reject', visible: true },
  ]);
  await tabTo(page, 'User name');
  await page.keyboard.type(right.basic.username);
  await tabTo(page, 'Password');
  await page.keyboard.type('wrong');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('role')), 'alert', 'what is wrong is read first');
  await tabTo(page, 'User name');
  await tabTo(page, 'Password');
  await page.keyboard.type(right.basic.password);
  await tabTo(page, 'Grant Access');
  await page.keyboard.press('Space');
  await sees(page, says.created);
});

test('keyboard: the dashboard, whose first stop skips to the content', async (t) => {
  const { gateway } = world();
  const tenant = await world().tenant('keyboard-office');
  await tenant.link('vault', 'By keyboard');
  const { page } = await world().visitor(t, { reducedMotion: 'reduce' });
  await signIn(page, gateway, tenant.key);
  await sees(page, 'Connections');
  const order = await tabOrder(page);
  assert.deepEqual(order.filter(({ visible }) => !visible), []);
  const names = order.map(({ name }) => name);
  for (const name of ['Skip to the content', 'Connections', 'Budgets', 'Keys', 'Audit', 'Sign out', 'Request a connection', 'Search', 'Filter']) {
    assert.ok(names.includes(name), `${name} cannot be reached: ${names}`);
  }
  assert.equal(names[0], 'Skip to the content');
  await tabTo(page, 'Skip to the content');
  await page.keyboard.press('Enter');
  await tabTo(page, 'Request a connection');
});
