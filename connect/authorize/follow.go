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
			answer = first(answer, strings.TrimSuffix(filter, "]"))
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

// child is the member called name of an object, or the element of that index of a list.
func child(answer any, name string) any {
	switch v := answer.(type) {
	case map[string]any:
		return v[name]
	case []any:
		if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(v) {
			return v[i]
		}
	}
	return nil
}

// first is the first element of a list that has the member that filter, `key=value`, says.
func first(answer any, filter string) any {
	key, want, _ := strings.Cut(filter, "=")
	list, _ := answer.([]any)
	for _, element := range list {
		switch v := child(element, key).(type) {
		case string:
			if v == want {
				return element
			}
		case json.Number:
			if v.String() == want {
				return element
			}
		case bool:
			if strconv.FormatBool(v) == want {
				return element
			}
		}
	}
	return nil
}
