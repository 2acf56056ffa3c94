'use strict';

const { refusal } = require('./hosts.js');
const { Through } = require('./through.js');

/** Returns options for `got.extend`. Each hop of a redirect and each retry passes the hook. */
function vendgateGot(options = {}) {
  const through = new Through(options);
  return {
    hooks: {
      beforeRequest: [
        async (call) => {
          if (call.body?.readableDidRead) {
            throw refusal('redirect', 'a redirect or a retry needs the body again, but the stream is already consumed');
          }
          const hosts = await through.hosts();
          call.url = new URL(hosts.map(call.url.href));
          call.headers = Object.fromEntries(through.headers(Object.entries(call.headers)));
        },
      ],
    },
  };
}

module.exports = { vendgateGot };
