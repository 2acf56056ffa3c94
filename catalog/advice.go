package catalog

import (
	"cmp"
	"fmt"
	"strings"
)

// twinSuffixes end the slugs of entries that are one API by several kinds of credential, or in
// several environments: `notion` and `notion-token`.
var twinSuffixes = []string{
	"-access-key", "-api-key", "-api-token", "-app", "-app-password", "-basic", "-bearer-token", "-bot",
	"-data-api-key", "-demo", "-developer", "-free", "-oauth", "-oauth1", "-project", "-sandbox", "-secret", "-token",
}

// notTwins are entries that are another API than their name may suggest, each with the reason.
var notTwins = map[string]string{
	"supabase-project": "the API of one project, at a host of its own; supabase and supabase-token are the management API",
}

// Advice tells what is probably a mistake in app, although it passes its check, in sentences that
// name it. others are the apps that it is among.
func Advice(app *App, others []*App) (list []string) {
	c := checker{app}
	if base := c.basePath(); base != "" {
		for _, path := range c.documentedPaths() {
			if again := repeated(base, path); again != "" {
				list = append(list, fmt.Sprintf("app %s: the upstream ends in %s, and %s begins with it again: "+
					"take it out of one of them", app.Slug, again, path))
			}
		}
	}
	for _, other := range others {
		if other.Slug != app.Slug && twins(app.Slug, other.Slug) && c.basePath() != (checker{other}).basePath() {
			list = append(list, fmt.Sprintf("app %s: the upstream's path is %s, and that of %s, which has the same SDKs, "+
				"is %s: write the base URL of the SDK in both",
				app.Slug, cmp.Or(c.basePath(), "/"), other.Slug, cmp.Or(checker{other}.basePath(), "/")))
		}
	}
	return list
}

// documentedPaths are the paths of calls that the entry itself has.
func (c checker) documentedPaths() (list []string) {
	if c.Verify != nil && c.Verify.Host == "" {
		path, _, _ := strings.Cut(c.Verify.Path, "?")
		list = append(list, path)
	}
	if c.Steering != nil {
		list = append(list, c.Steering.Batch...)
	}
	return list
}

// repeated returns the end of base that path begins with, or nothing.
func repeated(base, path string) string {
	for i := range len(base) {
		if base[i] == '/' && below(path, base[i:]) {
			return base[i:]
		}
	}
	return ""
}

// twins reports whether the slugs are of one API.
func twins(a, b string) bool {
	return notTwins[a] == "" && notTwins[b] == "" && bareSlug(a) == bareSlug(b)
}

// bareSlug is a slug without what tells twins apart.
func bareSlug(slug string) string {
	longest := ""
	for _, suffix := range twinSuffixes {
		if strings.HasSuffix(slug, suffix) && len(suffix) > len(longest) {
			longest = suffix
		}
	}
	return strings.TrimSuffix(slug, longest)
}
