'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { run, tsc } = require('../support/tsc.js');
const sdk = require('@vendgate/connect-platform');

const root = path.join(__dirname, '..', '..');
const npm = (args, cwd) => run('npm', [...args, '--no-audit', '--no-fund', '--no-update-notifier'], { cwd });

/** Packs the package and installs it into a new folder, as a stranger would. */
async function install(t) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'vendgate-sdk-'));
  t.after(() => fs.rmSync(dir, { recursive: true, force: true }));
  const { stdout } = await npm(['pack', '--json', '--pack-destination', dir], root);
  const [{ filename, files }] = JSON.parse(stdout);
  fs.writeFileSync(path.join(dir, 'package.json'), '{"name":"stranger","private":true}');
  await npm(['install', '--offline', `./${filename}`], dir);
  return { dir, files: files.map((file) => file.path) };
}

test('the packed package', async (t) => {
  const { dir, files } = await install(t);
  const write = (name, text) => fs.writeFileSync(path.join(dir, name), text);
  const node = async (name) => JSON.parse((await run(process.execPath, [name], { cwd: dir })).stdout);

  await t.test('holds what it needs and nothing else', () => {
    const lib = fs.readdirSync(path.join(root, 'lib')).map((name) => `lib/${name}`);
    const want = ['LICENSE', 'README.md', 'package.json', 'index.js', 'index.mjs', 'index.d.ts', 'index.d.mts', ...lib];
    assert.deepEqual(files.sort(), want.sort());
  });

  await t.test('brings no dependency along', () => {
    assert.deepEqual(fs.readdirSync(path.join(dir, 'node_modules')).filter((name) => !name.startsWith('.')), ['@vendgate']);
    assert.deepEqual(fs.readdirSync(path.join(dir, 'node_modules', '@vendgate')), ['connect-platform']);
  });

  const names = Object.keys(sdk).sort();
  await t.test('works by require', async () => {
    write('a.cjs', `const sdk = require('@vendgate/connect-platform'); console.log(JSON.stringify(Object.keys(sdk).sort()));`);
    assert.deepEqual(await node('a.cjs'), names);
  });
  await t.test('works by import', async () => {
    write('a.mjs', `import * as sdk from '@vendgate/connect-platform'; console.log(JSON.stringify(Object.keys(sdk).sort()));`);
    assert.deepEqual(await node('a.mjs'), names);
  });
  await t.test('is one package by both', async () => {
    write('b.mjs', `import { createRequire } from 'node:module'; import { PabblyConnectError } from '@vendgate/connect-platform';
      const sdk = createRequire(import.meta.url)('@vendgate/connect-platform');
      console.log(new sdk.RateLimitedError('x') instanceof PabblyConnectError);`);
    assert.equal(await node('b.mjs'), true);
  });

  const usage = `import { VendgatePlatform, RateLimitedError } from '@vendgate/connect-platform';
    export const seconds: number = new RateLimitedError('x').retryAfter;
    export const link = new VendgatePlatform({ apiKey: 'k' }).createRequestLink('a@b.c', { appId: 'x', name: 'y' }).then((l): string => l.request_link);
    // @ts-expect-error
    new VendgatePlatform({});\n`;
  for (const [name, file, options] of [
    ['Node’s own resolution, as a module', 'c.mts', ['--module', 'nodenext']],
    ['Node’s own resolution, as CommonJS', 'c.cts', ['--module', 'nodenext']],
    ['the resolution of Node 10', 'c.ts', ['--module', 'commonjs', '--moduleResolution', 'node10']],
    ['a bundler’s resolution', 'c.ts', ['--module', 'esnext', '--moduleResolution', 'bundler']],
  ]) {
    await t.test(`has its types by ${name}`, async () => {
      write(file, usage);
      await tsc([file, '--noEmit', '--strict', '--target', 'es2022', '--lib', 'es2022', ...options], { cwd: dir });
    });
  }
});
