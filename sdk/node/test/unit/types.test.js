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
