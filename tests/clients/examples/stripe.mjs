import Stripe from 'stripe';

// Uploads have a host of their own: stripeOf(key, 'stripe--files').files.create(…).
export function stripeOf(key, label = 'stripe') {
  const host = `${label}.${process.env.VENDGATE_DOMAIN}`;
  const stripe = new Stripe(key, { host });
  if (stripe.resolveBaseAddress('files') !== host) throw new Error('this stripe takes no host');
  return stripe;
}
