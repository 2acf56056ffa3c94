// A reporter for `node --test --test-reporter=…/node.mjs`: what ran, in the form of `go test -json`, so that one command counts it all.

import { inspect } from 'node:util';

/** What one file of tests, or the whole run, is called: as a package is in Go. */
const suite = process.env.SUITE ?? 'node';

const line = (event) => `${JSON.stringify({ Package: suite, ...event })}\n`;

/** Runners of some versions of Node report each file, too, and suites: those count only when they fail by themselves. */
const isTest = ({ details, name, file }) => details?.type !== 'suite' && name !== file && !/\.(test\.)?[cm]?js$/.test(name);

export default async function* report(events) {
  const began = Date.now();
  let failed = false;
  for await (const { type, data } of events) {
    if (type === 'test:stdout' || type === 'test:stderr') {
      yield line({ Action: 'output', Output: data.message });
      continue;
    }
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    failed ||= type === 'test:fail';
    yield* result(type, data);
  }
  yield line({ Action: failed ? 'fail' : 'pass', Elapsed: (Date.now() - began) / 1000 });
}

function* result(type, data) {
  const name = data.name.replace(/\s+/g, '_');
  if (data.skip !== undefined || data.todo !== undefined) {
    yield line({ Action: 'skip', Test: name });
  } else if (type === 'test:pass') {
    if (isTest(data)) yield line({ Action: 'pass', Test: name });
  } else if (isTest(data) || !/^\d+ subtests? failed$/.test(data.details.error?.message ?? '')) {
    yield line({ Action: 'output', Test: name, Output: `${explain(data.details.error)}\n` });
    yield line({ Action: 'fail', Test: name });
  }
}

/** The cause says what went wrong; the error around it only that a test failed. What is thrown need not be an Error, nor have a prototype. */
const explain = (error) => {
  const cause = error?.cause ?? error;
  return typeof cause?.stack === 'string' ? cause.stack : inspect(cause);
};
