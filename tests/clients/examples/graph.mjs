import { Client } from '@microsoft/microsoft-graph-client';

export function graphOf(connection, key) {
  const baseUrl = `${process.env.VENDGATE_URL}/proxy/${connection}/microsoft-graph/`;
  const customHosts = new Set([new URL(baseUrl).hostname]);
  const client = Client.init({ baseUrl, customHosts, authProvider: (done) => done(null, key) });
  if (client.config.baseUrl !== baseUrl) throw new Error('this @microsoft/microsoft-graph-client takes no baseUrl');
  return client;
}
