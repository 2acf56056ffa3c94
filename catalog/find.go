package catalog

import (
	"regexp"
	"sync"
)

// found are the patterns that [Find] has compiled. There are no more of them than entries have.
var found sync.Map // of *regexp.Regexp by pattern

// Find returns what the group of an entry's pattern finds in text, which the pattern must match as
// a whole, or "".
func Find(pattern, text string) string {
	known, ok := found.Load(pattern)
	if !ok {
		compiled, err := regexp.Compile(`^(?:` + pattern + `)$`)
		if err != nil {
			return ""
		}
		known, _ = found.LoadOrStore(pattern, compiled)
	}
	m := known.(*regexp.Regexp).FindStringSubmatch(text)
	if len(m) != 2 {
		return ""
	}
	return m[1]
}
