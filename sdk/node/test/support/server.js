'use strict';

const http = require('node:http');
const net = require('node:net');
const { once } = require('node:events');
const { VendgatePlatform } = require('@vendgate/connect-platform');

const key = 'pk_live_CanaryKey0123456789CanaryKey0123456789abc';
const email = 'alice@example.com';

/**
 * Starts an HTTP server that answers with answers in turn, and with the last of them from then on. It keeps what it got: for each
 * request `{ method, url, headers, rawHeaders, body, at }`.
 */
async function serve(t, ...answers) {
  const requests = [];
  const server = http.createServer(async (req, res) => {
    const chunks = [];
    const at = performance.now();
    for await (const chunk of req) chunks.push(chunk);
    const { method, url, headers, rawHeaders } = req;
    requests.push({ method, url, headers, rawHeaders, body: Buffer.concat(chunks).toString(), at });
    answers[Math.min(requests.length, answers.length) - 1](res, req);
  });
  const url = await listen(t, server, () => server.closeAllConnections());
  return { url, requests };
}

/** Starts a server that writes bytes to whoever has sent a request, and closes unless told to keep the connection. */
async function serveBytes(t, bytes, { keep = false } = {}) {
  const sockets = new Set();
  const requests = [];
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (data) => {
      requests.push(data.toString());
      socket.write(bytes);
      if (!keep) socket.end();
    });
  });
  const url = await listen(t, server, () => sockets.forEach((socket) => socket.destroy()));
  return { url, requests };
}

async function listen(t, server, closeConnections) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    closeConnections();
  });
  return `http://127.0.0.1:${server.address().port}`;
}

const send = (status, body, headers = {}) => (res) => {
  res.writeHead(status, { 'content-type': 'application/json', ...headers });
  res.end(typeof body === 'string' ? body : JSON.stringify(body));
};

const success = (data, status = 200, headers) => send(status, { status: 'success', message: 'done', data }, headers);

const refusal = (status, code, { message = 'refused', headers, ...data } = {}) =>
  send(status, { status: 'error', message, data: { code, ...data } }, headers);

const client = (server, options) => new VendgatePlatform({ apiKey: key, baseUrl: server.url, ...options });

/** A connection as the server describes it. */
const connection = (more) => ({ id: 'conn_1', name: 'Work', app: { id: 'openai', slug: 'openai', name: 'OpenAI' }, status: 'active', ...more });

module.exports = { serve, serveBytes, listen, send, success, refusal, client, connection, key, email };
