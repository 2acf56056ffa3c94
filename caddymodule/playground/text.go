package playground

import (
	"fmt"
	"text/template"
)

// guide shows each thing that the gateway does as a call to copy. Index 1 of the connections is the
// one to be revoked.
var guide = template.Must(template.New("playground").Funcs(template.FuncMap{
	"call": func(f facts, i int) string {
		return fmt.Sprintf("-H 'Authorization: Bearer %s' -H 'x-user-email: %s' '%s%s", f.TenantKey, f.User, f.Gateway,
			f.Connections[i].Path)
	},
}).Parse(`Vendgate is running.

  gateway     {{.Gateway}}
  tenant key  {{.TenantKey}}
  end user    {{.User}}
  provider    {{.Provider}}   (stands for a third-party API)
  dashboard   {{.Dashboard}}   (sign in with the tenant key)

connections
{{range .Connections}}  {{.ID}}  {{.App}} ({{.AuthType}})
{{end}}
1. Call an OAuth API. The provider saw a token that you never see; it shows its fingerprint.
curl -s {{call . 0}}'

2. Let all access tokens expire, and call again: another fingerprint, without a word of OAuth from you.
curl -s -X POST '{{.Provider}}/demo/expire'
curl -s {{call . 0}}'

3. Call an API that wants a key in a header.
curl -s {{call . 2}}'

4. Spend a budget of two calls a minute: the third is 429 rate_limited, with Retry-After.
curl -s -i {{call . 3}}?call=[1-3]'

5. Revoke a grant at the provider: 401 needs_reconnection.
curl -s -X POST '{{.Provider}}/demo/revoke?account=bob'
curl -s -i {{call . 1}}'

6. Connect as your customer would: open these in a browser, each works once. The first signs in at the provider;
   the second asks for an API key, and {{.APIKey}} is one (try a wrong one first).
{{range .RequestLinks}}   {{.}}
{{end}}
Ctrl-C ends it.
`))
