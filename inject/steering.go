package inject

import (
	"slices"
	"strings"
)

// Steering finds in a query what some servers let stand for another method or path, read as the most lenient server would: the methods of writing
// that `_method` and `method` ask for, and whether `rest_route` names a path of its own, as WordPress reads it.
func Steering(rawQuery string) (methods []string, reroutes bool) {
	for rest := rawQuery; rest != ""; {
		var pair string
		if end := strings.IndexAny(rest, "&;"); end >= 0 {
			pair, rest = rest[:end], rest[end+1:]
		} else {
			pair, rest = rest, ""
		}
		key, value, _ := strings.Cut(pair, "=")
		switch lenientKey(key) {
		case "method": // and `_method`; many APIs mean something else by it
			if asked := strings.ToUpper(strings.TrimSpace(lenientDecode(value))); slices.Contains(writing, asked) {
				methods = append(methods, asked)
			}
		case "rest-route":
			reroutes = true
		}
	}
	return methods, reroutes
}

var writing = []string{"POST", "PUT", "PATCH", "DELETE"}

// lenientKey is a parameter's name without white space, without the index of an array (`key[]`, `key[0]`), folded.
func lenientKey(key string) string {
	key = lenientDecode(key)
	key, _, _ = strings.Cut(key, "[")
	key, _, _ = strings.Cut(key, "\x00")
	return fold(foldKey(strings.TrimSpace(key)))
}
