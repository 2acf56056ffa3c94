// The documents show the very files that the other tests run, and the versions that they run them with.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { documented, documents, table } from './document.mjs';
import { sdks } from './harness/rows.mjs';

const read = (name) => readFileSync(new URL(name, import.meta.url), 'utf8');

for (const name of documents) {
  test(`${name} is as \`make docs\` writes it`, () => {
    assert.equal(documented(read(name)), read(name));
  });
}

test('every example is shown', () => {
  const shown = documents.map(read).join('');
  const files = ['examples/curl.sh', 'examples/go/vendgate.go', 'examples/python/vendgate.py', ...Object.values(sdks).map(({ block }) => block)];
  for (const folder of ['examples', 'python/blocks']) {
    files.push(...readdirSync(new URL(folder, import.meta.url)).filter((name) => /\.(mjs|sh|py)$/.test(name)).map((name) => `${folder}/${name}`));
  }
  for (const name of files) assert.ok(shown.includes(`<!-- ${name} -->`), name);
});

test('docs/sdks.md shows no program that is not run', () => {
  const code = [...read('../../docs/sdks.md').matchAll(/(^<!-- (?:examples|python\/blocks)\/.*\n(?:Run with .*\n\n)?)?^```(\w+)\n([^]*?)^```$/gm)].filter(([, example]) => !example);
  assert.deepEqual(code.map(([, , language]) => language), ['sh'], 'one command line, and no block without a file');
});

test('the table leads to headings', () => {
  const page = read('../../docs/sdks.md');
  const headings = [...page.matchAll(/^#+ (.*)$/gm)].map(([, text]) => `#${text.toLowerCase().replaceAll(' ', '-')}`);
  for (const [, anchor] of table().matchAll(/\]\((#[^)]*)\)/g)) assert.ok(headings.includes(anchor), anchor);
});

test('the table has each library, with its version', () => {
  const { devDependencies } = JSON.parse(read('package.json'));
  for (const { sdk, package: name, python } of Object.values(sdks)) {
    const version = python ?? devDependencies[name ?? sdk].replace(/^npm:.*@/, '');
    assert.ok(table().split('\n').some((row) => row.includes(`\`${sdk}\``) && row.includes(`| ${version}`)), `${sdk} ${version}`);
  }
});
