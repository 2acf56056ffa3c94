// Package pipedream vends from Pipedream Connect over HTTP. A connection is an account there
// (`apn_…`), and the tenant's end user is the account's external user. A project belongs to the
// tenants that [Options] name.
//
// What it is made of:
//
//   - [Source] vends; [Options] say for which project, and with which OAuth client.
//   - tokenCache holds the access token for Pipedream's own API: the only thing that is kept. It is
//     used until two minutes before its end, and stays in memory, unused, until the next fetch
//     replaces it. One fetch is in flight at a time, and belongs to no caller.
//   - account is what Pipedream answers about an account, and [App] says what it calls an app and
//     the app's fields.
//   - server is where a value of an account leads; a credential goes to no other than the account's
//     own.
//   - relay sends a request through Pipedream's proxy, for accounts whose credentials Pipedream
//     keeps, and target is what it names there, by what connect says that the proxy does for the
//     app.
//
// One vend, in order; whatever fails ends it, closed, with the code in brackets:
//
//  1. The tenant is one of those whose accounts the project holds, and the connection has the form
//     of an account id, or no call is made [connection_deleted].
//  2. The access token is at hand, or is fetched [internal_error where the OAuth client is
//     refused].
//  3. The account is asked for with its credentials. A 401 drops the access token and asks once
//     more with a fresh one. [404: connection_deleted; 429: rate_limited; 401, 403: internal_error;
//     5xx, broken, slow: upstream_unavailable]
//  4. The answer has one reading and is about that account [upstream_unavailable], whose external
//     user is the end user [connection_deleted] and whose app is the path's [app_mismatch]. What is
//     absent is never the right one.
//  5. The account is alive [needs_reconnection].
//  6. Its credentials become the fields that the catalog declares for the app, in the form that it
//     has for them [internal_error where they are of the other kind, lack one that every request
//     needs, or name a server that is not the app's]. Where it exposes none, or an OAuth account no
//     token, the credential is a relay instead, which the access token opens [internal_error where
//     the proxy does not serve the app, or calls it elsewhere].
//
// An answer that cannot be read is not asked for again within the request: each counts in the
// project's rate limit.
//
// Pipedream refreshes tokens by itself and offers no way to force it: a forced vend asks again, no
// more.
//
// The package must never keep a credential, print one or put one into an error, never follow a
// redirect with the access token, never vend for an account whose end user and app the answer does
// not name, and never for a tenant that the operator has not named: Pipedream cannot tell tenants
// apart.
package pipedream
