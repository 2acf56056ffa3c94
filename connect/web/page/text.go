package page

import "strings"

// words makes a sentence's beginning of an event's name: "link_created" is "Link created".
func words(event string) string {
	s := strings.NewReplacer("_", " ", "mcp_url", "MCP URL", "oauth", "OAuth").Replace(event)
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// stop is the full stop of a sentence that ends in a name: "Acme Inc." has one already.
func stop(name string) string {
	if strings.HasSuffix(strings.TrimSpace(name), ".") {
		return ""
	}
	return "."
}

// parts cuts an address after what a reader would break it at, so that a narrow page does not break
// it in mid-word.
func parts(address string) (parts []string) {
	for address != "" {
		i := strings.IndexAny(address, "@./:")
		if i < 0 {
			return append(parts, address)
		}
		parts, address = append(parts, address[:i+1]), address[i+1:]
	}
	return parts
}
