'use strict';

const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { randomInt } = require('node:crypto');
const { execFile, spawn } = require('node:child_process');
const { once } = require('node:events');
const { promisify } = require('node:util');

const run = promisify(execFile);
const repository = path.join(__dirname, '..', '..', '..', '..');

/** Returns the path of the server: VENDGATE_BIN, or one built from this very repository. */
async function binary(dir) {
  if (process.env.VENDGATE_BIN) return process.env.VENDGATE_BIN;
  const file = path.join(dir, 'vendgate');
  await run('go', ['build', '-o', file, './cmd/vendgate'], { cwd: repository });
  return file;
}

/** Returns a port that nothing listens on, below those that the kernel gives to connections, which could take it before the server does. */
async function freePort() {
  for (;;) {
    const port = randomInt(30000, 32768);
    const server = net.createServer().listen(port, '127.0.0.1');
    const free = await once(server, 'listening').then(() => true, () => false);
    if (!free) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}

/** Caddy's configuration: gateway and connection manager; Gmail and OpenAI as they are in the catalog, but at the test's provider. */
const caddyfile = (dir, port, provider) => `{
	admin off
	persist_config off
	auto_https off
	grace_period 1s
	log {
		level ERROR
	}
	vendgate {
		data_dir "${dir}/data"
		app gmail {
			upstream ${provider.url}
			oauth2 {
				authorize_url ${provider.url}/authorize
				token_url ${provider.url}/token
				revoke_url ${provider.url}/revoke
			}
			allow_http
			allow_private 127.0.0.0/8
		}
		app openai {
			upstream ${provider.url}/key
			verify /models
			allow_http
			allow_private 127.0.0.0/8
		}
		app orphan {
			name "OAuth without a client"
			auth_type o_auth
			upstream ${provider.url}
			oauth2 {
				token_url ${provider.url}/token
			}
			allow_http
			allow_private 127.0.0.0/8
		}
		oauth_client gmail {
			client_id ${provider.client.id}
			client_secret "{file.${dir}/client-secret}"
		}
		tenant limited {
			budget token 60
			budget api 60
		}
		tenant ruled {
			apps openai
		}
	}
}

http://127.0.0.1:${port} {
	bind 127.0.0.1
	vendgate_connect
	vendgate_proxy
}
`;

/** Starts the server with a data directory of its own. `vendgate` runs its commands. */
async function startVendgate(t, provider) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'vendgate-real-'));
  t.after(() => fs.rmSync(dir, { recursive: true, force: true }));
  const bin = await binary(dir);
  const port = await freePort();
  const config = path.join(dir, 'Caddyfile');
  fs.writeFileSync(path.join(dir, 'client-secret'), provider.client.secret, { mode: 0o600 });
  fs.writeFileSync(config, caddyfile(dir, port, provider), { mode: 0o600 });
  const env = { ...process.env, HOME: dir, XDG_DATA_HOME: dir, XDG_CONFIG_HOME: dir };
  const server = spawn(bin, ['run', '--config', config], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  server.stderr.on('data', (data) => (log += data));
  t.after(async () => {
    if (server.exitCode !== null) return;
    server.kill('SIGTERM');
    await once(server, 'exit');
  });
  const url = `http://127.0.0.1:${port}`;
  await ready(url, server, () => log);
  return { url, ...commands((args, input) => command(bin, env, [...args, '--config', config], input)) };
}

/** Waits until the server listens. */
async function ready(url, server, log) {
  for (let tries = 0; tries < 1200; tries++) {
    if (server.exitCode !== null) break;
    try {
      await (await fetch(url)).text();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error(`the server did not start:\n${log()}`);
}

/** Runs a command of the server with input, and returns what it printed. */
async function command(bin, env, args, input = '') {
  const running = run(bin, args, { env });
  running.child.stdin.end(input);
  return (await running).stdout.trim();
}

const commands = (vendgate) => ({
  createTenant: (name, ...more) => vendgate(['tenant', 'create', name, '--email', `dev@${name}.example`, ...more]),
  rotateKey: (name) => vendgate(['tenant', 'rotate', name]),
  promoteKey: (name) => vendgate(['tenant', 'promote', name]),
  callerKey: (tenant, connection) => vendgate(['caller-key', 'create', '--tenant', tenant, '--connection', connection]),
  importConnection: (tenant, user, app, grant) =>
    vendgate(['connection', 'import', '--tenant', tenant, '--user', user, '--app', app, '--no-verify'], JSON.stringify(grant)),
});

module.exports = { startVendgate };
