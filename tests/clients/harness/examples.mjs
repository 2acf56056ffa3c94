// The documents' blocks as they are run: as they stand, with another version of their library, or with one that lacks an option.
import { cpSync, mkdirSync, mkdtempSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { workDir } from '../../browser/harness/program.mjs';

const clients = fileURLToPath(new URL('../', import.meta.url));
const modules = fileURLToPath(new URL('../node_modules/', import.meta.url));

/**
 * Returns what makes a row's client of a key. The library is the one that package.json calls `row.package`, or, with a `hook`, a
 * version of it that has never heard of an option, or that does not call back where it used to.
 */
export async function exampleOf(row, hook) {
  if (row.python) return (key) => row.make(undefined, key, hook);
  let file = path.join(clients, row.block);
  const name = row.package ?? row.sdk;
  if (hook || name !== row.sdk) {
    const dir = mkdtempSync(path.join(workDir, 'block-'));
    cpSync(file, (file = path.join(dir, path.basename(row.block))));
    writeFileSync(path.join(dir, 'package.json'), '{"type":"module"}');
    const place = path.join(dir, 'node_modules', row.sdk);
    mkdirSync(path.dirname(place), { recursive: true });
    if (hook) writeBroken(place, name, hook);
    else symlinkSync(realpathSync(path.join(modules, name)), place);
  }
  const block = await import(pathToFileURL(file));
  return (key) => row.make(block, key);
}

/** Writes a package that is the real one but for the hook. */
function writeBroken(place, name, hook) {
  const real = JSON.stringify(import.meta.resolve(name));
  const breaking = JSON.stringify(new URL('broken.mjs', import.meta.url).href);
  mkdirSync(place);
  writeFileSync(path.join(place, 'package.json'), '{"type":"module","exports":"./index.mjs"}');
  const lines = [
    `export * from ${real};`,
    `import * as real from ${real};`,
    `import { without } from ${breaking};`,
    `const broken = without(real.${hook.export}, ${JSON.stringify(hook)});`,
    `export { broken as ${hook.export} };`,
  ];
  writeFileSync(path.join(place, 'index.mjs'), lines.join('\n'));
}
