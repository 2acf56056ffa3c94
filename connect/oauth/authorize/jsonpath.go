package authorize

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/vendgate/vendgate/vending"
)

// follow returns the text or the number at the end of a capture's path, or "" if there is none.
// Where the path could lead to several, all of them must be the same: a provider may list one
// account twice. Filters hold what was entered.
func follow(answer any, path string, entered []vending.Field) (value string) {
	reached := []any{answer}
	for _, step := range steps(path) {
		name, filter, filtered := strings.Cut(step, "[")
		if name != "" {
			reached = each(reached, func(v any) []any { return children(v, name) })
		}
		if filtered {
			key, want, _ := strings.Cut(strings.TrimSuffix(filter, "]"), "=")
			same := func(x, y string) bool { return x == y }
			if strings.ContainsRune(want, '{') {
				want, same = choice(want, entered), strings.EqualFold // people write a site's name in any case
			}
			reached = each(reached, func(v any) []any { return having(v, key, want, same) })
		}
	}
	for i, v := range reached {
		if i > 0 && text(v) != value {
			return ""
		}
		value = text(v)
	}
	return value
}

// each collects what next finds from each of values; nil stands for nothing, which agrees with no
// value.
func each(values []any, next func(any) []any) (found []any) {
	for _, v := range values {
		if more := next(v); len(more) > 0 {
			found = append(found, more...)
		} else {
			found = append(found, nil)
		}
	}
	return found
}

// steps splits a path at the dots outside of brackets.
func steps(path string) (found []string) {
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

// having are the elements of a list whose member key is want.
func having(value any, key, want string, same func(x, y string) bool) (found []any) {
	list, _ := value.([]any)
	for _, element := range list {
		if object, ok := element.(map[string]any); ok && says(object[key], want, same) {
			found = append(found, element)
		}
	}
	return found
}

func says(value any, want string, same func(x, y string) bool) bool {
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

func text(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

// choice is a template of a filter with what was entered in the place of its placeholders.
func choice(template string, entered []vending.Field) string {
	pairs := []string{"{{", "{", "}}", "}"}
	for _, f := range entered {
		pairs = append(pairs, "{"+f.Name+"}", f.Value)
	}
	return strings.NewReplacer(pairs...).Replace(template)
}
