// Runs the documents' blocks with the newest version of each library, in a scratch folder, and says which of them still hold.
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { sdks as all } from './harness/rows.mjs';

// Debian has one version of each library of Python.
const sdks = Object.fromEntries(Object.entries(all).filter(([, { python }]) => !python));

const here = fileURLToPath(new URL('.', import.meta.url));
const scratch = mkdtempSync(path.join(tmpdir(), 'vendgate-latest-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

/** Lays out the tests as the repository has them, with libraries of their own. */
function install() {
  const folder = path.join(scratch, 'tests', 'clients');
  mkdirSync(path.dirname(folder));
  symlinkSync(path.join(here, '..', 'browser'), path.join(scratch, 'tests', 'browser'));
  cpSync(here, folder, { recursive: true, filter: (name) => !name.startsWith(path.join(here, 'node_modules')) && !name.endsWith('package-lock.json') });
  const named = new Set(Object.values(sdks).flatMap(({ sdk, with: more = [] }) => [sdk, ...more]));
  const newest = [...named].map((name) => `${name}@latest`);
  execFileSync('npm', ['install', '--no-audit', '--no-fund', ...newest], { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] });
  return folder;
}

/** Runs the tests, and returns what became of those of each library: `{ passed, failed: […], skipped }`. */
async function run(folder) {
  const results = {};
  const env = { ...process.env, NODE_OPTIONS: `--test-reporter=${path.join(here, '..', 'report', 'node.mjs')}` };
  const tests = spawn(path.join(folder, 'harness', 'namespace.sh'), ['node', '--test', 'sdks.test.mjs'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const outputs = {};
  for await (const text of createInterface(tests.stdout)) {
    const { Action, Test, Output } = JSON.parse(text);
    if (Action === 'output') outputs[Test] = Output;
    const name = Object.keys(sdks).find((sdk) => Test?.startsWith(`${sdk.replaceAll(' ', '_')}:_`));
    if (!name || Action === 'output') continue;
    const result = (results[name] ??= { passed: 0, skipped: 0, failed: [] });
    if (Action === 'fail') result.failed.push(`${Test.replaceAll('_', ' ')}\n${outputs[Test]}`);
    else result[{ pass: 'passed', skip: 'skipped' }[Action]]++;
  }
  return results;
}

const folder = install();
const results = await run(folder);
const packageOf = (name) => JSON.parse(readFileSync(path.join(folder, 'node_modules', name, 'package.json'), 'utf8'));
const rows = Object.entries(sdks).map(([name, { sdk, package: alias }]) => {
  const { passed, failed, skipped } = results[name] ?? { passed: 0, skipped: 0, failed: ['no test ran'] };
  const { version, engines } = packageOf(alias ?? sdk);
  return { sdk, version, passed, failed, skipped, node: engines?.node };
});
for (const { failed } of rows) for (const text of failed) console.log(`--- ${text}`);
console.log(`with Node ${process.versions.node}:`);
console.table(rows.map((row) => ({ ...row, failed: row.failed.length })));
// What did not run is not known to hold.
process.exitCode = rows.some(({ passed, failed }) => failed.length > 0 || passed === 0) ? 1 : 0;
