package authorize

import (
	"encoding/json"
	"strconv"
	"strings"
)

// follow returns the text or the number at the end of a capture's path, or "" if there is none.
func follow(answer any, path string) string {
	for _, step := range steps(path) {
		name, filter, filtered := strings.Cut(step, "[")
		answer = child(answer, name)
		if filtered {
			answer = only(answer, strings.TrimSuffix(filter, "]"))
		}
	}
	switch v := answer.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
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

// child is the member called name of an object, or the element of that index of a list. `0` is the only element: of several, the first may
// be another account than the one that was just authorized.
func child(answer any, name string) any {
	switch v := answer.(type) {
	case map[string]any:
		return v[name]
	case []any:
		if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(v) && (i > 0 || len(v) == 1) {
			return v[i]
		}
	}
	return nil
}

// only is the one element of a list that has the member that filter, `key=value`, says.
func only(answer any, filter string) (found any) {
	key, want, _ := strings.Cut(filter, "=")
	list, _ := answer.([]any)
	for _, element := range list {
		if !says(child(element, key), want) {
			continue
		}
		if found != nil {
			return nil
		}
		found = element
	}
	return found
}

func says(value any, want string) bool {
	switch v := value.(type) {
	case string:
		return v == want
	case json.Number:
		return v.String() == want
	case bool:
		return strconv.FormatBool(v) == want
	}
	return false
}
