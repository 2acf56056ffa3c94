// One Chromium for the suite, a fresh context for each visitor.
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Starts Debian's Chromium, or the one that CHROMIUM names. */
export async function startBrowser() {
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  if (!existsSync(executablePath)) throw new Error(`there is no ${executablePath}: install chromium, or name one by CHROMIUM`);
  return chromium.launch({ executablePath, args: flags });
}

/**
 * Opens a context with one page. `complaints` are what the browser said about any page of the context: errors and warnings in the
 * console, exceptions, violations of a page's Content-Security-Policy.
 */
export async function visitor(t, browser, options = {}) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, ...options });
  t.after(() => context.close());
  context.setDefaultTimeout(60_000); // generous: a machine may be busy
  const complaints = await watch(context);
  return { context, page: await context.newPage(), complaints };
}

async function watch(context) {
  const complaints = [];
  const refused = new Set();
  await context.exposeBinding('reportViolation', (_, text) => complaints.push(text));
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (e) => {
      window.reportViolation(`${e.violatedDirective} forbids ${e.blockedURI || 'inline'} on ${e.documentURI}`);
    });
  });
  context.on('response', (response) => {
    if (response.status() >= 400 && response.request().isNavigationRequest()) refused.add(response.url());
  });
  context.on('console', (message) => {
    const { url } = message.location();
    // Chromium says of each page that came with a 4xx that it did; and the provider, which is not ours, has no icon.
    const expected = message.text().startsWith('Failed to load resource') && (refused.has(url) || url.startsWith('http://127.0.0.1:'));
    if (['error', 'warning'].includes(message.type()) && !expected) complaints.push(`console: ${message.text()} (${url})`);
  });
  context.on('weberror', (error) => complaints.push(`exception: ${error.error()}`));
  return complaints;
}
