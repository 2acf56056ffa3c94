// The internet as clients and the gateway find it in the tests' namespace: any host name, with a certificate that they trust, and
// every byte that comes kept as it came.
import { execFileSync } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import tls from 'node:tls';

/** What namespace.sh made: a directory of certificates and of files that are bound over those of /etc; unset elsewhere. */
export const namespace = process.env.NAMESPACE;
export const addresses = { gateway: '12.34.56.1', providers: '12.34.56.2', others: '12.34.56.3' };

/** Returns the files of a certificate for these names, signed by the CA that everyone in the namespace trusts. */
export function certificate(...names) {
  const cert = path.join(namespace, `${names[0].replace('*', 'any')}.pem`);
  const ca = ['-CA', path.join(namespace, 'ca.pem'), '-CAkey', path.join(namespace, 'ca.key')];
  const key = path.join(namespace, 'site.key');
  const subject = ['-subj', '/CN=tests', '-addext', `subjectAltName=${names.map((name) => `DNS:${name}`).join()}`];
  const use = ['-addext', 'basicConstraints=critical,CA:FALSE', '-days', '2'];
  execFileSync('openssl', ['req', '-x509', ...ca, '-key', key, ...subject, ...use, '-out', cert], { stdio: 'ignore' });
  return { cert, key };
}

const contexts = new Map();

function contextOf(name) {
  if (!contexts.has(name)) {
    const { cert, key } = certificate(name);
    contexts.set(name, tls.createSecureContext({ cert: readFileSync(cert), key: readFileSync(key) }));
  }
  return contexts.get(name);
}

/**
 * Starts the internet. `names` are the hosts that a test foresees, which are at an address of their own; every other name is one that
 * the name server is asked for, and `asked` lists those. `connections` has what came, by host name: `{ host, bytes, requests }`, with
 * requests as `{ host, method, target, headers, body }`. `answers[host]` are given in order.
 */
export async function startInternet({ gateway, names }) {
  const line = (address, list) => `${address} ${list.join(' ')}\n`;
  const hosts = names.map((name) => line(addresses.providers, [name])).join('');
  writeFileSync(path.join(namespace, 'hosts'), line('127.0.0.1', ['localhost']) + line(addresses.gateway, gateway) + hosts);
  const world = { asked: [], connections: [], answers: {}, stop: [] };
  await startNameServer(world);
  for (const address of [addresses.providers, addresses.others]) await startHosts(world, address);
  return world;
}

/** Every name is at the address of the others: what goes there is recorded in full. */
async function startNameServer({ asked, stop }) {
  const server = dgram.createSocket('udp4');
  server.on('message', (query, from) => {
    const name = questionOf(query);
    asked.push(name);
    server.send(addressAnswer(query, name), from.port, from.address);
  });
  server.bind(53, '127.0.0.1');
  await once(server, 'listening');
  stop.push(() => server.close());
}

/** The name that a query asks for (RFC 1035, section 4.1.2). */
function questionOf(query) {
  const labels = [];
  for (let at = 12; query[at] > 0; at += query[at] + 1) labels.push(query.toString('latin1', at + 1, at + 1 + query[at]));
  return labels.join('.');
}

/** An answer with one address, or, to a query of another type than A, with none (RFC 1035, section 4.1). */
function addressAnswer(query, name) {
  const end = 12 + name.length + 2 + 4;
  const isA = query.readUInt16BE(end - 4) === 1;
  const head = Buffer.from([query[0], query[1], 0x81, 0x80, 0, 1, 0, isA ? 1 : 0, 0, 0, 0, 0]);
  const address = addresses.others.split('.').map(Number);
  const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...address]);
  return Buffer.concat([head, query.subarray(12, end), ...(isA ? [record] : [])]);
}

async function startHosts(world, address) {
  const http = createServer((req, res) => serve(world, req, res));
  const heard = (socket, host) => {
    const connection = { host, bytes: [], requests: [] };
    socket.vendgate = connection;
    world.connections.push(connection);
    socket.on('error', () => {});
    http.emit('connection', socket);
    socket.on('data', (chunk) => connection.bytes.push(chunk));
  };
  const secure = tls.createServer({ SNICallback: (name, done) => done(null, contextOf(name)), ALPNProtocols: ['http/1.1'] });
  secure.on('secureConnection', (socket) => heard(socket, socket.servername || address));
  secure.on('tlsClientError', (err, socket) => world.connections.push({ host: socket.servername || address, bytes: [Buffer.from(`TLS: ${err}`)], requests: [] }));
  const plain = createServer((req, res) => serve(world, req, res)); // port 80: a client that leaves TLS out
  plain.on('connection', (socket) => {
    const connection = { host: `http://${address}`, bytes: [], requests: [] };
    socket.vendgate = connection;
    world.connections.push(connection);
    socket.on('data', (chunk) => connection.bytes.push(chunk));
  });
  for (const [server, port] of [[secure, 443], [plain, 80]]) {
    server.listen(port, address);
    await once(server, 'listening');
    world.stop.push(() => server.close());
  }
  world.stop.push(() => {
    http.closeAllConnections();
    plain.closeAllConnections();
  });
}

async function serve(world, req, res) {
  const connection = req.socket.vendgate;
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  const headers = [];
  for (let i = 0; i < req.rawHeaders.length; i += 2) headers.push(req.rawHeaders.slice(i, i + 2));
  const request = { host: connection.host, method: req.method, target: req.url, headers, body: Buffer.concat(chunks) };
  connection.requests.push(request);
  const answer = world.answers[connection.host]?.shift() ?? ((r) => r.writeHead(500).end('no answer was foreseen for this request'));
  await answer(res, request);
}
