import { S3Client } from '@aws-sdk/client-s3';

export function s3Of(connection, key, region) {
  const endpoint = `${process.env.VENDGATE_URL}/proxy/${connection}/aws-s3`;
  const credentials = { accessKeyId: key, secretAccessKey: 'the gateway signs' };
  const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
  const { host } = new URL(endpoint);
  const guard = (next) => async (call) => {
    const { hostname, port } = call.request;
    if ([hostname, port].filter(Boolean).join(':') !== host) throw new Error(`${hostname} is not the gateway`);
    return next(call);
  };
  client.middlewareStack.add(guard, { step: 'finalizeRequest', priority: 'low', name: 'vendgate' });
  return client;
}
