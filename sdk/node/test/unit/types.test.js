'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const ts = require('typescript');
const sdk = require('@vendgate/connect-platform');
const { tsc } = require('../support/tsc.js');

const root = path.join(__dirname, '..', '..');

for (const config of ['tsconfig.json', 'tsconfig.dom.json']) {
  test(`the types hold, by ${config}`, async () => {
    await tsc(['--project', path.join(root, 'test', 'types', config)]);
  });
}

test('the types name what the package exports, no more and no less', () => {
  const file = path.join(root, 'index.d.ts');
  const program = ts.createProgram([file], { module: ts.ModuleKind.Node16 });
  const checker = program.getTypeChecker();
  const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(file)));
  const values = exported.filter((symbol) => {
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    return target.flags & ts.SymbolFlags.Value;
  });
  assert.deepEqual(values.map(({ name }) => name).sort(), Object.keys(sdk).sort());
});

test('the types name the client’s methods, no more and no less', () => {
  const declared = fs.readFileSync(path.join(root, 'index.d.ts'), 'utf8').match(/export class VendgatePlatform \{([^]*?)\n\}/)[1];
  const names = [...declared.matchAll(/^ {2}(?:get )?(\w+)\(/gm)].map(([, name]) => name);
  assert.deepEqual(names.sort(), Object.getOwnPropertyNames(sdk.VendgatePlatform.prototype).sort());
});

test('the types and the README state each class’s code and status as they are', () => {
  const declared = fs.readFileSync(path.join(root, 'index.d.ts'), 'utf8').matchAll(/\/\*\* (\d{3}) `(\w+)`[^]*?export class (\w+) extends VendgateError \{\n {2}readonly code: '(\w+)';/g);
  const rows = fs.readFileSync(path.join(root, 'README.md'), 'utf8').matchAll(/^\| `(\w+Error)` \| (\d{3}) \| `(\w+)` \|/gm);
  const inTypes = [...declared].map(([, status, code, name, literal]) => ({ name, code, literal, status: Number(status) }));
  const inReadme = [...rows].map(([, name, status, code]) => ({ name, code, status: Number(status) })).filter(({ name }) => name !== 'VendgateError');
  const real = Object.entries(sdk).filter(([, Class]) => Class.status).map(([name, { code, status }]) => ({ name, code, status }));
  assert.equal(real.length, 13);
  assert.deepEqual(inTypes, real.map((row) => ({ ...row, literal: row.code })));
  assert.deepEqual(inReadme, real);
});
