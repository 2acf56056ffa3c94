// The invitation fits where people open it: what it asks and both answers are seen without scrolling.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { misfits } from '../harness/layout.mjs';
import { button } from '../harness/steps.mjs';
import { world } from '../suite.mjs';

/** The helper's own popup, a phone, and a window on a small desk. */
const windows = [
  { width: 480, height: 720 },
  { width: 390, height: 844 },
  { width: 1280, height: 800 },
];

/** Names as long as companies, products and addresses really have them. */
const longest = {
  name: 'Wolters Kluwer Tax & Accounting Solutions Inc.',
  email: 'customer-integrations@tax-and-accounting.wolterskluwer.example',
  user: 'maximiliane.schwarzenberger@steuerberatung-schwarzenberger.example',
  connection: 'Ledger of the subsidiary in Luxembourg',
};

const logo = 'https://cdn.example.test/logo.svg';
const look = ['--name', longest.name, '--email', longest.email];
const looks = {
  plain: ['--name', 'Acme Rockets', '--email', 'hello@acme.example'],
  longest: look,
  'longest, with a logo': [...look, '--logo-url', logo],
};

for (const [name, options] of Object.entries(looks)) {
  test(`invitation: both buttons are seen without scrolling, ${name}`, async (t) => {
    const tenant = await world().tenant(`fits-${name.replace(/\W+/g, '-')}`, ...options);
    const { page, context } = await world().visitor(t);
    await context.route('https://cdn.example.test/**', (route) => route.fulfill({
      contentType: 'image/svg+xml',
      body: '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="30"><rect width="90" height="30"/></svg>',
    }));
    for (const app of ['books', 'harbour']) {
      const link = await tenant.link(app, longest.connection, longest.user);
      await page.goto(link.request_link);
      assert.equal(await page.locator('.points li').count(), 2);
      await page.getByText('This link was made for').waitFor();
      await measure(page, app);
    }
  });
}

async function measure(page, app) {
  for (const size of windows) {
    await page.setViewportSize(size);
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      for (const label of ['Accept & Connect', 'Reject']) {
        const box = await button(page, label).boundingBox();
        assert.ok(box.y + box.height <= size.height, `${label} of ${app} ends at ${box.y + box.height} px of ${size.width} × ${size.height}, ${colorScheme}`);
      }
    }
    assert.deepEqual(await misfits(page), [], `layout at ${size.width} px`);
  }
}
