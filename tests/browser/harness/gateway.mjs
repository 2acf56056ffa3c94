// The gateway: its configuration, its process and its commands.
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { binary, run, start, until, workDir } from './program.mjs';

/** An operator's picture: a browser must show its colours, and never run its script. */
export const picture = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8" width="48" height="48" onload="alert(1)"><style>rect { fill: #00b050 }</style><script>document.documentElement.innerHTML = ''</script><rect width="8" height="8"/></svg>`;

/** The apps that tenants of the tests connect, with what each of their APIs wants. */
const apps = (api, authserver) => `
		app crm {
			name "Northwind CRM"
			categories sales
			auth_type o_auth
			upstream ${api}/crm
			oauth2 {
				authorize_url ${authserver}/oauth2/auth
				token_url ${authserver}/oauth2/token
				revoke_url ${authserver}/oauth2/revoke
				scopes read write
			}
			verify /me
			allow_http
			allow_private 127.0.0.0/8
		}
		app shop {
			name "Tailwind Shop"
			auth_type o_auth
			upstream ${api}/crm
			field shop "Shop name"
			path_prefix /shops/{shop}
			header Authorization "{token_type} {access_token}"
			oauth2 {
				authorize_url ${authserver}/oauth2/auth
				token_url ${authserver}/oauth2/token
				scopes read
			}
			allow_http
			allow_private 127.0.0.0/8
		}
		app tickets {
			name "Ticket Office"
			auth_type o_auth
			upstream https://{site}.tickets.example.com
			field site "Site"
			field region "Region" {
				options eu us
			}
			header Authorization "{token_type} {access_token}"
			header X-Region {region}
			oauth2 {
				authorize_url ${authserver}/oauth2/auth
				token_url ${authserver}/oauth2/token
				scopes read
			}
			allow_http
			allow_private 127.0.0.0/8
		}
		app books {
			name "Microsoft Dynamics 365 Business Central"
			auth_type o_auth
			upstream ${api}/crm
			oauth2 {
				authorize_url ${authserver}/oauth2/auth
				token_url ${authserver}/oauth2/token
				scopes read
			}
			allow_http
			allow_private 127.0.0.0/8
		}
		app robot {
			name "Robot Fleet"
			auth_type o_auth
			upstream ${api}/crm
			field client_id "Client ID"
			field client_secret "Client secret" secret
			oauth2 {
				grant client_credentials
				token_url ${authserver}/oauth2/token
				scopes read
			}
			verify /me
			allow_http
			allow_private 127.0.0.0/8
		}
		app vault {
			name "The Vault"
			icon vault.svg
			auth_type api_key
			upstream ${api}/vault
			field api_key "API key" secret
			header X-Api-Key {api_key}
			verify /me
			allow_http
			allow_private 127.0.0.0/8
		}
		app harbour {
			name "Harbour Master (self-hosted, API key)"
			short_name "Harbour Master"
			help_url https://help.harbour.example/keys
			auth_type api_key
			upstream ${api}/harbour
			field berth "Berth" {
				help "The number on your contract, like 12."
			}
			field api_key "API key" secret {
				help "In your profile, below “Access”."
			}
			header X-Api-Key {api_key}
			header X-Berth {berth}
			verify /me {
				inconclusive
			}
			allow_http
			allow_private 127.0.0.0/8
		}
		app desk {
			name "Help Desk"
			auth_type basic
			upstream ${api}/desk
			field username "User name"
			field password "Password" secret
			verify /me
			allow_http
			allow_private 127.0.0.0/8
		}
		app beacon {
			name "Beacon Metrics"
			auth_type header
			upstream ${api}/beacon
			field X-Account "Account"
			field X-Token "Token" secret
			verify /me
			allow_http
			allow_private 127.0.0.0/8
		}
`;

const caddyfile = ({ dir, port, publicURL, apis, authserver, tls }) => `{
	admin off
	persist_config off
	auto_https disable_redirects
	skip_install_trust
	grace_period 1s
	storage file_system "${dir}/caddy"
	log {
		level ERROR
	}
	vendgate {
		data_dir "${dir}/data"
		public_url ${publicURL}
${apps(apis.url, authserver.url)}
		oauth_client crm {
			client_id ${authserver.client.id}
			client_secret "{file.${dir}/client-secret}"
		}
		oauth_client books {
			client_id ${authserver.client.id}
			client_secret "{file.${dir}/client-secret}"
		}
		oauth_client shop {
			client_id ${authserver.client.id}
			client_secret "{file.${dir}/client-secret}"
		}
		oauth_client tickets {
			client_id ${authserver.client.id}
			client_secret "{file.${dir}/client-secret}"
		}
		tenant_defaults {
			budget api unlimited
			budget token unlimited
		}
		tenant thrifty {
			budget token 6
			budget api 120
			budget connection 90
			budget app vault 80
		}
		tenant declared {
			key_sha256 ${'0'.repeat(64)}
			email declared@example.com
		}
	}
}

${tls ? `https://localhost:${port}` : `http://:${port}`} {
	bind 127.0.0.1
	${tls ? 'tls internal' : ''}
	vendgate_proxy
	vendgate_connect
}
`;

/**
 * Starts a gateway. Browsers know it as localhost, so that it is another site than the authorization server on 127.0.0.1, as
 * providers are.
 */
export async function startGateway({ name = 'gateway', port, tls = false, apis, authserver }) {
  const dir = path.join(workDir, name);
  mkdirSync(dir, { recursive: true });
  const file = await binary('vendgate', 'VENDGATE_BIN', '.', './cmd/vendgate');
  const url = `${tls ? 'https' : 'http'}://localhost:${port}`;
  const config = path.join(dir, 'Caddyfile');
  writeFileSync(path.join(dir, 'client-secret'), authserver.client.secret, { mode: 0o600 });
  writeFileSync(path.join(dir, 'vault.svg'), picture);
  writeFileSync(config, caddyfile({ dir, port, publicURL: url, apis, authserver, tls }), { mode: 0o600 });
  const env = { ...process.env, HOME: dir, XDG_DATA_HOME: dir, XDG_CONFIG_HOME: dir };
  const command = (args, input) => run(file, [...args, '--config', config], { env, input });
  const program = start(file, ['run', '--config', config], { env });
  await until('the gateway', async () => {
    if (program.ended()) throw new Error(`the gateway ended:\n${program.log()}`);
    return listens(port);
  });
  return { url, dataDir: path.join(dir, 'data'), api: tls ? url : `http://127.0.0.1:${port}`, log: program.log, stop: () => program.stop(), ...commands(command) };
}

/** Reports whether something accepts connections on a port. */
const listens = (port) =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });

const commands = (vendgate) => ({
  createTenant: (name, ...more) => vendgate(['tenant', 'create', name, '--email', `hello@${name}.example`, ...more]),
  rotateKey: (name) => vendgate(['tenant', 'rotate', name]),
  promoteKey: (name) => vendgate(['tenant', 'promote', name]),
  mcpURL: (name) => vendgate(['tenant', 'mcp-url', name]),
  async audit(tenant) {
    return JSON.parse(await vendgate(['audit', '--tenant', tenant, '--json']));
  },
  refreshConnection: (tenant, id) => vendgate(['connection', 'refresh', id, '--tenant', tenant]),
  importConnection: (tenant, user, app, grant, ...more) =>
    vendgate(['connection', 'import', '--tenant', tenant, '--user', user, '--app', app, ...more], JSON.stringify(grant)),
});
