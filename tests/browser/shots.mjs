// Takes pictures of every page, on a phone and on a desk, light and dark: `npm run shots -- DIRECTORY`. Look at them.
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { visitor } from './harness/browser.mjs';
import { kinds, openGallery } from './harness/gallery.mjs';
import { startWorld } from './harness/world.mjs';

const sizes = [
  { width: 390, height: 844 },
  { width: 480, height: 720 },
  { width: 1280, height: 800 },
];

const directory = path.resolve(process.argv[2] ?? path.join(tmpdir(), 'vendgate-shots'));
mkdirSync(directory, { recursive: true });
const cleanups = [];
const world = await startWorld();
try {
  for (const kind of Object.keys(kinds)) {
    const { page } = await visitor({ after: (cleanup) => cleanups.push(cleanup) }, world.browser, { reducedMotion: 'reduce' });
    let number = 0;
    for (const [name, open] of await openGallery(world, kind)) {
      await open(page);
      await page.waitForLoadState();
      await shoot(page, `${kind}-${String(++number).padStart(2, '0')}-${name.replace(/\W+/g, '-')}`);
    }
  }
} finally {
  for (const cleanup of cleanups) await cleanup();
  await world.stop();
}
console.log(directory);
process.exit(0);

async function shoot(page, name) {
  for (const size of sizes) {
    await page.setViewportSize(size);
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: path.join(directory, `${name}-${size.width}-${colorScheme}.png`), fullPage: true });
    }
  }
}
