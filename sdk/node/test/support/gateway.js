'use strict';

const http = require('node:http');
const { listen } = require('./server.js');

const key = 'ck_CanaryOfTheCaller0123456789CanaryOfTheCaller';

/** The hosts of the app that the stand-in knows. */
const hosts = [
  { host: 'api.acme.example', base_path: '/v1', path: '' },
  { host: 'files.acme.example', base_path: '', path: '/~files.acme.example' },
];

/**
 * Starts a stand-in of the gateway: it tells the hosts of `acme`, and answers calls with what `answer(request)` says, `{ status,
 * headers, body }`, or else with what it got. `requests` are the calls, `asked` the lines of the Platform API.
 */
async function startGateway(t, answer = () => ({}), told = hosts) {
  const requests = [];
  const asked = [];
  const server = http.createServer(async (req, res) => {
    if (req.url.startsWith('/platform/v1/')) {
      asked.push(`${req.method} ${req.url}`);
      const [status, data] = await (typeof told === 'function' ? told(req) : [200, { id: 'acme', hosts: told }]);
      res.writeHead(status, { 'content-type': 'application/json' });
      res.end(JSON.stringify(status === 200 ? { status: 'success', message: 'found', data } : { status: 'error', message: 'refused', data }));
      return;
    }
    const chunks = [];
    for await (const chunk of req) chunks.push(chunk);
    const request = { line: `${req.method} ${req.url}`, headers: req.headers, body: Buffer.concat(chunks).toString() };
    requests.push(request);
    const { status = 200, headers = {}, body = JSON.stringify(request) } = answer(request, requests.length) ?? {};
    res.writeHead(status, headers);
    res.end(body);
  });
  const url = await listen(t, server, () => server.closeAllConnections());
  const options = { baseUrl: url, apiKey: key, connection: 'conn_1', app: 'acme' };
  return { url, requests, asked, options, lines: () => requests.map(({ line }) => line) };
}

module.exports = { startGateway, key, hosts };
