// Package page draws everything that a person sees of the connection manager: the pages of the
// hosted link and the tenant's dashboard. Package asset has the scripts, styles and icons.
//
// It only renders. It must never read the store, decide who may see what, or put into a page a
// secret that its view does not name: a credential has no place in any view. Pages carry no inline
// script or style, so that the policy of SecurityHeaders holds, and work without JavaScript.
//
// Paths. The pages link and post to the following, below the base that New is given (`/connect`).
// {token} is a request token, {id} a connection's id. Every POST is
// `application/x-www-form-urlencoded` and carries the view's CSRF in the field `csrf`.
//
//	GET  /{token}                       Invitation
//	POST /{token}/accept                from Invitation, and from ProviderProblem to try again
//	POST /{token}/reject                from Invitation, Form and ProviderProblem
//	POST /{token}/credentials           from Form; each value in the field FieldPrefix + its name
//	GET  /assets/{name}?v={hash}        asset.Stylesheet, DashboardScript, Mark
//	GET  /assets/accent/{6 hex}.css     asset.Accent.CSS
//	GET  /assets/icon/{slug}.svg        asset.Icon
//	GET  /assets/icon/{slug}.{hash}.png asset.NewPicture; or .svg
//	GET  /vendgate-connect.js           asset.HelperScript
//
//	GET  /dashboard                     Connections; query: q, status, app, page
//	GET  /dashboard/sign-in             SignIn
//	POST /dashboard/sign-in             field: key
//	POST /dashboard/sign-out
//	GET  /dashboard/links/new           NewLink
//	POST /dashboard/links               fields: email, app, name; answers LinkMade or NewLink
//	POST /dashboard/connections/{id}/refresh   answers LinkMade
//	GET  /dashboard/connections/{id}/delete    Delete
//	POST /dashboard/connections/{id}/delete
//	GET  /dashboard/keys                Keys
//	POST /dashboard/keys/rotate         answers Keys with NewKey
//	POST /dashboard/keys/promote
//	POST /dashboard/keys/mcp            answers Keys with MCPURL
//	GET  /dashboard/audit               Audit; query: event, connection, page
//	GET  /dashboard/budgets             Budgets
//	GET  /dashboard/budgets/live        BudgetsLive, which the script fetches every two seconds
package page
