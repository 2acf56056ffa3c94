package caddymodule

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/vendgate/vendgate/connect/api"
	"github.com/vendgate/vendgate/vending"
)

// readBody reads the JSON object of a call into fields, which are *string or *[]string by name.
// Unlike a caller of the Platform API, an operator is told of a field that does not exist: a
// mistyped `capabilities` would otherwise grant them all. So would an empty one, and it is refused
// likewise.
func (c *adminCall) readBody(fields map[string]any) error {
	values, err := api.ReadObject(c.w, c.r)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		into, ok := fields[name]
		if !ok {
			return vending.Refuse(vending.InvalidRequest,
				fmt.Sprintf("unknown field %.40q; the fields are %s", name, strings.Join(slices.Sorted(maps.Keys(fields)), ", ")))
		}
		if json.Unmarshal(values[name], into) != nil {
			kind := "a string"
			if _, many := into.(*[]string); many {
				kind = "a list of strings"
			}
			return vending.Refuse(vending.InvalidRequest, name+": must be "+kind)
		}
		if saysNothing(values[name]) {
			return vending.Refuse(vending.InvalidRequest, name+": is empty; give it a value, or leave it out")
		}
	}
	return nil
}

// query returns the query's parameters by name. A parameter that does not exist or is a duplicate
// is refused: ignoring it would change the answer.
func (c *adminCall) query(names ...string) (map[string]string, error) {
	parsed, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return nil, vending.Refuse(vending.InvalidRequest, "the query is not encoded correctly")
	}
	values := make(map[string]string, len(parsed))
	for _, name := range slices.Sorted(maps.Keys(parsed)) {
		switch {
		case !slices.Contains(names, name):
			return nil, vending.Refuse(vending.InvalidRequest, fmt.Sprintf("unknown parameter %.40q", name))
		case len(parsed[name]) > 1:
			return nil, vending.Refuse(vending.InvalidRequest, name+": occurs more than once")
		case isBlank(parsed.Get(name)):
			return nil, vending.Refuse(vending.InvalidRequest, name+": is empty; give it a value, or leave it out")
		}
		values[name] = parsed.Get(name)
	}
	return values, nil
}
