package authorize

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/vendgate/vendgate/vending"
)

// lookup returns the text or the number at the end of a capture's path, or "" if there is none.
// Where the path could lead to several, all of them must be the same: a provider may list one
// account twice. Filters hold what was entered.
func lookup(answer any, path string, entered []vending.Field) (value string) {
	reached := []any{answer}
	for _, step := range splitPath(path) {
		name, filter, filtered := strings.Cut(step, "[")
		if name != "" {
			reached = flatMap(reached, func(v any) []any { return children(v, name) })
		}
		if filtered {
			key, want, _ := strings.Cut(strings.TrimSuffix(filter, "]"), "=")
			same := func(x, y string) bool { return x == y }
			if strings.ContainsRune(want, '{') {
				want, same = expandFilter(want, entered), strings.EqualFold // people write a site's name in any case
			}
			reached = flatMap(reached, func(v any) []any { return filterBy(v, key, want, same) })
		}
	}
	for i, v := range reached {
		if i > 0 && scalarText(v) != value {
			return ""
		}
		value = scalarText(v)
	}
	return value
}

// flatMap collects what next finds from each of values; nil means nothing, which equals no
// value.
func flatMap(values []any, next func(any) []any) (found []any) {
	for _, v := range values {
		if more := next(v); len(more) > 0 {
			found = append(found, more...)
		} else {
			found = append(found, nil)
		}
	}
	return found
}

// splitPath splits a path at the dots outside of brackets.
func splitPath(path string) (found []string) {
	depth, from := 0, 0
	for i := range len(path) {
		switch path[i] {
		case '[':
			depth++
		case ']':
			depth--
		case '.':
			if depth == 0 {
				found, from = append(found, path[from:i]), i+1
			}
		}
	}
	return append(found, path[from:])
}

// children are the member called name of an object, or the element of that index of a list. `0` is
// any element: the first may be another account than the one that was just authorized.
func children(value any, name string) []any {
	switch v := value.(type) {
	case map[string]any:
		return []any{v[name]}
	case []any:
		i, err := strconv.Atoi(name)
		switch {
		case err != nil || i < 0 || i >= len(v):
		case i == 0:
			return v
		default:
			return v[i : i+1]
		}
	}
	return nil
}

// filterBy are the elements of a list whose member key is want.
func filterBy(value any, key, want string, same func(x, y string) bool) (found []any) {
	list, _ := value.([]any)
	for _, element := range list {
		if object, ok := element.(map[string]any); ok && scalarEquals(object[key], want, same) {
			found = append(found, element)
		}
	}
	return found
}

func scalarEquals(value any, want string, same func(x, y string) bool) bool {
	switch v := value.(type) {
	case string:
		return same(v, want)
	case json.Number:
		return v.String() == want
	case bool:
		return strconv.FormatBool(v) == want
	}
	return false
}

func scalarText(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

// expandFilter is a template of a filter with what was entered in the place of its placeholders.
func expandFilter(template string, entered []vending.Field) string {
	pairs := []string{"{{", "{", "}}", "}"}
	for _, f := range entered {
		pairs = append(pairs, "{"+f.Name+"}", f.Value)
	}
	return strings.NewReplacer(pairs...).Replace(template)
}
