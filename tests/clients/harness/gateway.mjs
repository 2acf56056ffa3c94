// The gateway: the real program, with the catalog's apps at providers of the tests.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { binary, freePorts, run, start, until, workDir } from '../../browser/harness/program.mjs';

/** Slugs of the catalog, with the path of their APIs, and the credential that the gateway has of each. */
export const apps = {
  openai: { base: '/v1', field: 'api_key', secret: 'sk-provider-canary-0123456789' },
  slack: { base: '/api', field: 'access_token', secret: 'xoxb-provider-canary-0123456789', codings: ['gzip', 'identity'] },
  github: { base: '', field: 'access_token', secret: 'gho_provider_canary_0123456789', codings: ['gzip', 'identity'] },
};

export const tenantKey = 'pk_live_CanaryOfTheTenant0123456789CanaryOfTheTen';
export const email = 'alice@example.com';
export const connectionOf = (app) => `alice-${app}`;

const connection = (dir, app) => `
			connection ${connectionOf(app)} {
				tenant acme
				user ${email}
				app ${app}
				field ${apps[app].field} {file.${dir}/${app}}
			}`;

const override = (app, host) => `
		app ${app} {
			upstream http://${host}${apps[app].base}
			allow_http
			allow_private 127.0.0.0/8
		}`;

const caddyfile = (dir, [mapped, passthrough], hosts) => `{
	admin off
	persist_config off
	auto_https off
	grace_period 1s
	log {
		level ERROR
	}
	vendgate {
		data_dir "${dir}/data"
		upstream {
			proxy_from_environment
		}
		source local
		source static {${Object.keys(apps).map((app) => connection(dir, app)).join('')}
		}
		tenant acme {
			key {file.${dir}/tenant}
			source static
		}${Object.keys(apps).map((app) => override(app, hosts[app])).join('')}
	}
}

http://:${mapped} {
	bind 127.0.0.1
	vendgate_proxy
}

http://:${passthrough} {
	bind 127.0.0.1
	vendgate_proxy {
		errors passthrough
	}
}
`;

/**
 * Starts it on two ports: one that maps providers' errors, and one that leaves them as they are. What goes to other hosts than these,
 * whose names mean nothing here, goes to `elsewhere`, which gets it as a proxy does.
 */
export async function startGateway(hosts, elsewhere) {
  const file = await binary('vendgate', 'VENDGATE_BIN', '.', './cmd/vendgate');
  const [mapped, passthrough] = await freePorts(2);
  const dir = path.join(workDir, 'gateway');
  mkdirSync(dir);
  const write = (name, text) => writeFileSync(path.join(dir, name), text, { mode: 0o600 });
  for (const [app, { secret }] of Object.entries(apps)) write(app, secret);
  write('tenant', tenantKey);
  write('Caddyfile', caddyfile(dir, [mapped, passthrough], hosts));
  const config = ['--config', path.join(dir, 'Caddyfile')];
  const env = { ...process.env, HOME: dir, XDG_DATA_HOME: dir, XDG_CONFIG_HOME: dir, HTTP_PROXY: `http://${elsewhere}`, NO_PROXY: '' };
  const program = start(file, ['run', ...config], { env });
  await until('the gateway', async () => {
    if (program.ended()) throw new Error(`the gateway ended:\n${program.log()}`);
    return fetch(`http://127.0.0.1:${passthrough}`).catch(() => false);
  });
  const callerKey = async (connection, ...options) => {
    const key = await run(file, ['caller-key', 'create', '--tenant', 'acme', '--connection', connection, '--user', email, ...options, ...config], { env });
    const headers = { authorization: `Bearer ${key}` };
    // A running gateway notices within a second.
    await until('the gateway to know the key', async () => (await fetch(`http://127.0.0.1:${mapped}/proxy/none/openai/`, { headers })).status === 404);
    return key;
  };
  return { mapped, passthrough, callerKey, stop: () => program.stop() };
}
