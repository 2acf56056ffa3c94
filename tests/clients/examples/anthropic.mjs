import Anthropic from '@anthropic-ai/sdk';

export function anthropicOf(connection, key) {
  const baseURL = `${process.env.VENDGATE_URL}/proxy/${connection}/anthropic`;
  const client = new Anthropic({ baseURL, authToken: key, apiKey: null });
  if (client.baseURL !== baseURL) throw new Error('this @anthropic-ai/sdk takes no baseURL');
  return client;
}
