// What keeps requests as they were on the wire: the providers, and an ear between the clients and the gateway.
import { once } from 'node:events';
import { createServer } from 'node:http';
import net from 'node:net';
import { Duplex } from 'node:stream';

/** Makes a server of requests `{ line, headers, body }`: headers are pairs in the order and spelling in which they came. */
function recorder(answer) {
  const requests = [];
  const server = createServer(async (req, res) => {
    const chunks = [];
    for await (const chunk of req) chunks.push(chunk);
    const headers = [];
    for (let i = 0; i < req.rawHeaders.length; i += 2) headers.push(req.rawHeaders.slice(i, i + 2));
    const request = { line: `${req.method} ${req.url}`, headers, body: Buffer.concat(chunks) };
    requests.push(request);
    await answer(res, request);
  });
  return { server, requests };
}

async function listen(server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${server.address().port}`;
}

/** Starts a provider. It gives each request the next of `answers`, and what was not foreseen a 500. */
export async function startProvider() {
  const answers = [];
  const { server, requests } = recorder((res, request) => (answers.shift() ?? unforeseen)(res, request));
  const host = await listen(server);
  return {
    host,
    requests,
    answers,
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}

const unforeseen = (res) => res.writeHead(500).end('no answer was foreseen for this request');

/** Starts what passes bytes to a port unchanged, and listens in on the requests: so tests know what the client itself sent. */
export async function startEar(port) {
  const { server: parser, requests } = recorder((res) => res.end());
  const sockets = new Set();
  const server = net.createServer((client) => {
    const gateway = net.connect(port, '127.0.0.1');
    const copy = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
    parser.emit('connection', copy);
    client.on('data', (chunk) => copy.push(chunk));
    client.pipe(gateway).pipe(client);
    for (const socket of [client, gateway]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => [client, gateway, copy].forEach((end) => end.destroy()));
    }
  });
  const host = await listen(server);
  return {
    host,
    requests,
    stop() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
