import OpenAI from 'openai';

export const openaiOf = (connection, email) =>
  new OpenAI({
    baseURL: `${process.env.VENDGATE_URL}/proxy/${connection}/openai`,
    apiKey: process.env.VENDGATE_KEY,
    defaultHeaders: { 'x-user-email': email },
  });
