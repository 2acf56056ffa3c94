'use strict';

const { VendgatePlatform } = require('./lib/client.js');
const { errors } = require('./lib/errors.js');
const { vendgateAxios } = require('./lib/axios.js');
const { vendgateFetch } = require('./lib/fetch.js');
const { vendgateGot } = require('./lib/got.js');
const { vendgateInterceptor } = require('./lib/undici.js');

module.exports = {
  VendgatePlatform,
  ...errors,
  vendgateFetch,
  vendgateInterceptor,
  vendgateAxios,
  vendgateGot,
  // The names of Pabbly's SDK, for programs that were written against it.
  PabblyConnectPlatform: VendgatePlatform,
  PabblyConnectError: errors.VendgateError,
};
