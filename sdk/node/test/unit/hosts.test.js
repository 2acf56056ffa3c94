'use strict';

const { test } = require('node:test');
const assert = require('node:assert/strict');
const { Hosts } = require('../../lib/hosts.js');
const { errors } = require('../../lib/errors.js');
const shared = require('../../../testdata/hosts.json');

/** The shared vectors, with what is different for URLs that the platform's parser has normalized. */
for (const { name, app, fields, url, fetch = {}, ...usual } of shared.vectors) {
  const { to, refused } = { ...usual, ...(typeof fetch === 'string' ? { to: fetch, refused: undefined } : fetch) };
  test(`hosts: ${name}`, () => {
    const hosts = new Hosts({ root: shared.gateway, connection: shared.connection, app, hosts: shared.apps[app], fields });
    if (refused === undefined) {
      assert.equal(hosts.map(url), to);
      return;
    }
    assert.throws(() => hosts.map(url), (error) => {
      assert.ok(error instanceof errors.VendgateError, error.stack);
      assert.deepEqual([error.reason, error.code], [refused, 'url_refused'], error.message);
      return true;
    });
  });
}

test('hosts: the error names the host that is refused, and those that are not', () => {
  const hosts = new Hosts({ root: shared.gateway, connection: 'c', app: 'dropbox', hosts: shared.apps.dropbox });
  assert.throws(() => hosts.map('https://evil.example:8443/x?key=canary'), (error) => {
    assert.match(error.message, /evil\.example:8443/);
    assert.match(error.message, /api\.dropboxapi\.com/);
    assert.doesNotMatch(error.message, /canary/);
    return true;
  });
});

test('hosts: a gateway below a path, and a connection that needs escapes', () => {
  const hosts = new Hosts({ root: 'http://gw.example:8080/behind/', connection: "a/b c!'(é", app: 'plain', hosts: shared.apps.plain });
  const to = "http://gw.example:8080/behind/proxy/a%2Fb%20c%21%27%28%C3%A9/plain/x";
  assert.equal(hosts.map('https://api.plain.example/x'), to);
  assert.equal(hosts.map(to), to);
  assert.throws(() => hosts.map('http://gw.example:8080/proxy/a%2Fb%20c%21%27%28%C3%A9/plain/x'), { reason: 'gateway' });
});
