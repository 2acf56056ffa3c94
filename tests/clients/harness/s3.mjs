// How Amazon S3 answers (https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html, …/ErrorResponses.html).
const id = 'AKIAPROVIDERCANARY00';

export const host = 's3.eu-central-1.amazonaws.com';
/** The customer's credential. */
export const s3 = { access_key_id: id, secret_access_key: 'provider/canary/0123456789', region: 'eu-central-1' };
/** Whether a request is signed with it. */
export const signed = ({ headers }) => headers.some(([name, value]) => name.toLowerCase() === 'authorization' && value.includes(`Credential=${id}/`));

const xml = (status, body, headers = {}) => (res) => res.writeHead(status, { 'content-type': 'application/xml', ...headers }).end(`<?xml version="1.0"?>${body}`);

export const error = (status, code, headers) => xml(status, `<Error><Code>${code}</Code><Message>no</Message></Error>`, headers);
export function page(key, token = '') {
  const next = token && `<NextContinuationToken>${token}</NextContinuationToken>`;
  return xml(200, `<ListBucketResult><IsTruncated>${!!token}</IsTruncated><Contents><Key>${key}</Key></Contents>${next}</ListBucketResult>`);
}
