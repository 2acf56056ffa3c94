// The authorization server that the tests connect to; see tests/authserver.
import { binary, start, until } from './program.mjs';

/** Starts it with the redirect URIs that its client has registered. */
export async function startAuthserver(redirects) {
  const file = await binary('authserver', 'AUTHSERVER_BIN', 'tests/authserver', '.');
  const program = start(file, ['-access-ttl', '10m', ...redirects.flatMap((uri) => ['-redirect', uri])]);
  const line = await until('the authorization server', () => {
    if (program.ended()) throw new Error(`the authorization server ended:\n${program.log()}`);
    return program.log().match(/^{.*}$/m)?.[0];
  });
  const { url, client_id, client_secret } = JSON.parse(line);
  return {
    url,
    client: { id: client_id, secret: client_secret },
    stop: () => program.stop(),
    /** Mints a grant, as a token response. */
    async grant(subject) {
      const response = await fetch(`${url}/control/grant`, { method: 'POST', body: new URLSearchParams({ subject }) });
      return response.json();
    },
    /** Makes the next calls of the token endpoint fail. */
    fail: (values) => fetch(`${url}/control/fail`, { method: 'POST', body: new URLSearchParams(values) }),
  };
}
