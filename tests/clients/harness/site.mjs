// The gateway as an operator runs it: TLS on its own names, and the catalog's entries as they are embedded.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { binary, run, start, until, workDir } from '../../browser/harness/program.mjs';
import { addresses, certificate } from './internet.mjs';

export const domain = 'gw.example.com';
export const email = 'alice.canary@example.com';
const tenantKey = 'pk_live_CanaryOfTheTenant0123456789CanaryOfTheTen';

const connection = (dir, app, fields) => `
			connection alice-${app} {
				tenant acme
				user ${email}
				app ${app}${Object.keys(fields).map((name) => `\n				field ${name} {file.${dir}/${app}.${name}}`).join('')}
			}`;

const caddyfile = (dir, fields, { cert, key }) => `{
	admin off
	persist_config off
	auto_https off
	grace_period 1s
	log {
		level DEBUG
	}
	vendgate {
		data_dir "${dir}/data"
		source local
		source static {${Object.entries(fields).map(([app, values]) => connection(dir, app, values)).join('')}
		}
		tenant acme {
			key {file.${dir}/tenant}
			source static
		}
	}
}

https://${domain}, https://*.${domain} {
	bind ${addresses.gateway}
	tls ${cert} ${key}
	log {
		output file ${dir}/access.log
	}
	vendgate_proxy {
		hosts ${domain}
	}
	vendgate_not_found
}
`;

/** Starts it with a connection of each app; `fields[app]` are the fields of its credential. */
export async function startSite(fields) {
  const file = await binary('vendgate', 'VENDGATE_BIN', '.', './cmd/vendgate');
  const dir = path.join(workDir, 'site');
  mkdirSync(dir);
  const write = (name, text) => writeFileSync(path.join(dir, name), text, { mode: 0o600 });
  for (const [app, values] of Object.entries(fields)) for (const [name, value] of Object.entries(values)) write(`${app}.${name}`, value);
  write('tenant', tenantKey);
  write('Caddyfile', caddyfile(dir, fields, certificate(domain, `*.${domain}`)));
  const config = ['--config', path.join(dir, 'Caddyfile')];
  const env = { ...process.env, HOME: dir, XDG_DATA_HOME: dir, XDG_CONFIG_HOME: dir };
  const program = start(file, ['run', ...config], { env });
  await until('the gateway', async () => {
    if (program.ended()) throw new Error(`the gateway ended:\n${program.log()}`);
    return fetch(`https://${domain}/`).catch(() => false);
  });
  const callerKey = async (app, ...options) => {
    const create = ['caller-key', 'create', '--tenant', 'acme', '--connection', `alice-${app}`, '--user', email];
    const key = await run(file, [...create, ...options, ...config], { env });
    const headers = { authorization: `Bearer ${key}` };
    // A running gateway notices within a second.
    await until('the gateway to know the key', async () => (await fetch(`https://${domain}/proxy/none/${app}/`, { headers })).status === 404);
    return key;
  };
  /** All that it has logged, at DEBUG, and of each request. */
  const log = () => program.log() + readFileSync(path.join(dir, 'access.log'), 'utf8');
  return { callerKey, log, stop: () => program.stop() };
}
