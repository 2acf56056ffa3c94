// Every page: what axe-core says, whether it fits, what the browser complains of, which headers it came with.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { violations } from '../harness/accessibility.mjs';
import { kinds, openGallery } from '../harness/gallery.mjs';
import { misfits, widths } from '../harness/layout.mjs';
import { world } from '../suite.mjs';

for (const kind of Object.keys(kinds)) {
  test(`pages, ${kind}`, async (t) => {
    const { page, complaints } = await world().visitor(t, { reducedMotion: 'reduce' });
    const answer = lastAnswer(page);
    for (const [name, open] of await openGallery(world(), kind)) {
      await t.test(`${name}, ${kind}`, async () => {
        complaints.length = 0;
        await open(page);
        await page.waitForLoadState();
        for (const colorScheme of ['light', 'dark']) {
          await page.emulateMedia({ colorScheme });
          assert.deepEqual(await violations(page), [], `accessibility, ${colorScheme}`);
        }
        for (const width of widths) {
          await page.setViewportSize({ width, height: 800 });
          assert.deepEqual(await misfits(page), [], `layout at ${width} px`);
        }
        checkHeaders(answer.headers, page.url(), (await page.locator('[data-reveal]').count()) > 0);
        assert.deepEqual(complaints, []);
        const cookies = await page.context().cookies();
        for (const { name, httpOnly, sameSite } of cookies.filter(({ domain }) => domain === 'localhost')) {
          assert.deepEqual({ name, httpOnly, sameSite }, { name, httpOnly: true, sameSite: 'Lax' });
        }
      });
    }
  });
}

/** Follows the page, and knows the headers that it came with. */
function lastAnswer(page) {
  const answer = {};
  page.on('response', (response) => {
    if (response.request().isNavigationRequest() && response.status() !== 204) answer.headers = response.headers();
  });
  return answer;
}

function checkHeaders(headers, url, asksForSecrets) {
  const policy = headers['content-security-policy'].split('; ');
  const isDashboard = url.includes('/connect/dashboard');
  for (const directive of ["default-src 'none'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'", "style-src 'self'"]) {
    assert.ok(policy.includes(directive), `${directive} is missing in ${policy}`);
  }
  assert.doesNotMatch(String(policy), /unsafe|\*|data:/);
  const scripted = isDashboard || asksForSecrets;
  assert.equal(policy.some((directive) => directive.startsWith('script-src')), scripted, 'only the dashboard and forms with secrets have a script');
  const want = {
    'x-frame-options': 'DENY',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
    'content-type': 'text/html; charset=utf-8',
    ...(isDashboard && { 'cross-origin-opener-policy': 'same-origin' }),
  };
  const got = Object.fromEntries(Object.keys(want).map((name) => [name, headers[name]]));
  assert.deepEqual(got, want);
}
