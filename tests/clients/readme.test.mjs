// The README's page for SDKs shows the very files that the other tests run.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const read = (name) => readFileSync(new URL(name, import.meta.url), 'utf8');
const [, page] = read('../../README.md').match(/^## Use your own SDK\n([^]*?)(?=^## )/m);
const blocks = [...page.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].map(([, language, text]) => ({ language, text }));
const examples = { 'openai.mjs': 'js', 'slack.mjs': 'js', 'octokit.mjs': 'js', 'go/vendgate.go': 'go', 'python/vendgate.py': 'python', 'curl.sh': 'sh' };

for (const [name, language] of Object.entries(examples)) {
  test(`the README shows ${name} as it is run`, () => {
    assert.ok(blocks.some((block) => block.language === language && block.text === read(`examples/${name}`)), 'no block of the page equals the file');
  });
}

test('the README’s page for SDKs shows nothing that is not run', () => {
  assert.equal(blocks.length, Object.keys(examples).length);
});
