import OpenAI from 'openai';

export function openaiOf(connection, key) {
  const baseURL = `${process.env.VENDGATE_URL}/proxy/${connection}/openai`;
  const client = new OpenAI({ baseURL, apiKey: key });
  if (client.baseURL !== baseURL) throw new Error('this openai takes no baseURL');
  return client;
}
