package inject

import (
	"slices"
	"strings"
)

// withoutSecrets removes from the query of a link every parameter that holds the credential, as
// paging of some APIs has it (`access_token` of Facebook's), under whatever name. It looks at the
// query as it is and decoded, which costs little: bodies may hold thousands of links.
func (x *Exchange) withoutSecrets(query string) string {
	if query == "" || !x.holdsSecret(query) {
		return query
	}
	var out strings.Builder
	for rest := query; rest != ""; {
		end := strings.IndexAny(rest, "&;")
		pair, separator := rest, ""
		if end >= 0 {
			pair, separator = rest[:end], rest[end:end+1]
		}
		rest = rest[len(pair)+len(separator):]
		if !x.holdsSecret(pair) {
			out.WriteString(pair)
			out.WriteString(separator)
		}
	}
	return strings.TrimRight(out.String(), "&;")
}

func (x *Exchange) holdsSecret(text string) bool {
	decoded := lenientDecode(text)
	return slices.ContainsFunc(x.secrets().values, func(v string) bool {
		return len(v) >= minSecret && (strings.Contains(text, v) || strings.Contains(decoded, v))
	})
}
