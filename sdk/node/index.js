'use strict';

const { VendgatePlatform } = require('./lib/client.js');
const { errors } = require('./lib/errors.js');

module.exports = {
  VendgatePlatform,
  ...errors,
  // The names of Pabbly's SDK, for programs that were written against it.
  PabblyConnectPlatform: VendgatePlatform,
  PabblyConnectError: errors.VendgateError,
};
