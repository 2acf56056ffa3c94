package inject

import (
	"slices"
	"strings"
)

// withoutSecrets removes from the query of a link every parameter that holds the credential, as
// paging of some APIs has it (`access_token` of Facebook's), under whatever name. It looks at the
// query as it is and decoded, which costs little: bodies may hold thousands of links.
func (x *Injection) withoutSecrets(query string) string {
	if query == "" || !x.holdsSecret(query) {
		return query
	}
	return withoutParameters(query, x.holdsSecret)
}

func (x *Injection) holdsSecret(text string) bool {
	decoded := lenientDecode(text)
	return slices.ContainsFunc(x.secrets().values, func(v string) bool {
		return len(v) >= minSecret && (strings.Contains(text, v) || strings.Contains(decoded, v))
	})
}
