import { GoogleGenAI } from '@google/genai';

export function geminiOf(connection, key) {
  const baseUrl = `${process.env.VENDGATE_URL}/proxy/${connection}/gemini`;
  const client = new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl } });
  if (client.apiClient.getBaseUrl() !== baseUrl) throw new Error('this @google/genai takes no baseUrl');
  return client;
}
