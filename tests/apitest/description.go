package apitest

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	// The validator passes the official suite of draft 2020-12, which is what OpenAPI 3.1 is written
	// in, and takes a JSON pointer into any document for a schema.
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/vendgate/vendgate/connect/api"
	"github.com/vendgate/vendgate/vending"
)

// Description is the description of the Platform API, read.
type Description struct {
	doc      map[string]any
	compiler *jsonschema.Compiler
}

// The names under which the validator knows the description: as it stands, and with every object
// closed to further fields.
const (
	open   = "open.json"
	closed = "closed.json"
)

// Read reads the description.
func Read(t testing.TB) *Description {
	t.Helper()
	d := &Description{doc: parse(t, api.OpenAPI).(map[string]any), compiler: jsonschema.NewCompiler()}
	d.compiler.DefaultDraft(jsonschema.Draft2020)
	d.compiler.AssertFormat()
	for name, doc := range map[string]any{open: d.doc, closed: closeObjects(parse(t, api.OpenAPI))} {
		if err := d.compiler.AddResource(name, doc); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func parse(t testing.TB, text []byte) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v: %.200s", err, text)
	}
	return v
}

// closeObjects closes each schema that lists properties. The description leaves them open, so that
// answers may gain fields.
func closeObjects(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for _, inner := range v {
			closeObjects(inner)
		}
		_, lists := v["properties"].(map[string]any)
		if _, says := v["additionalProperties"]; lists && !says {
			v["additionalProperties"] = false
		}
	case []any:
		for _, inner := range v {
			closeObjects(inner)
		}
	}
	return v
}

// at returns the value at a path of keys, following references, and where it really stands; nil if
// there is none.
func (d *Description) at(keys ...string) (v any, where []string) {
	v = d.doc
	for _, key := range keys {
		switch inside := v.(type) {
		case map[string]any:
			v = inside[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i >= len(inside) {
				return nil, nil
			}
			v = inside[i]
		default:
			return nil, nil
		}
		where = append(where, key)
		if target, ok := v.(map[string]any); ok {
			if ref, ok := target["$ref"].(string); ok {
				v, where = d.at(strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
			}
		}
	}
	return v, where
}

// schema compiles the schema at a path of keys, or returns nil if there is none.
func (d *Description) schema(t testing.TB, document string, keys ...string) *jsonschema.Schema {
	t.Helper()
	v, where := d.at(keys...)
	if v == nil {
		return nil
	}
	pointer := document + "#"
	for _, key := range where {
		pointer += "/" + strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(key)
	}
	s, err := d.compiler.Compile(pointer)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// operation is where an endpoint stands in the description.
func operation(method, pattern string, more ...string) []string {
	return append([]string{"paths", pattern, strings.ToLower(method)}, more...)
}

// Operation returns what the description says of an endpoint, or nil.
func (d *Description) Operation(method, pattern string) map[string]any {
	v, _ := d.at(operation(method, pattern)...)
	op, _ := v.(map[string]any)
	return op
}

// Operations returns every endpoint in the description, as method and pattern.
func (d *Description) Operations() (all [][2]string) {
	for pattern, methods := range d.doc["paths"].(map[string]any) {
		for method := range methods.(map[string]any) {
			all = append(all, [2]string{strings.ToUpper(method), pattern})
		}
	}
	return all
}

// Parameter returns a parameter of an endpoint and its schema, or nil.
func (d *Description) Parameter(t testing.TB, method, pattern, in, name string) (map[string]any, *jsonschema.Schema) {
	t.Helper()
	for i := 0; ; i++ {
		keys := operation(method, pattern, "parameters", strconv.Itoa(i))
		v, _ := d.at(keys...)
		p, ok := v.(map[string]any)
		switch {
		case !ok:
			return nil, nil
		case p["in"] == in && p["name"] == name:
			return p, d.schema(t, open, append(keys, "schema")...)
		}
	}
}

// Body returns the schema of an endpoint's request body, or nil. It is open: unknown fields of a
// request are ignored.
func (d *Description) Body(t testing.TB, method, pattern string) *jsonschema.Schema {
	t.Helper()
	return d.schema(t, open, operation(method, pattern, "requestBody", "content", "application/json", "schema")...)
}

// Codes returns the error codes that an endpoint may answer, each with its HTTP status.
func (d *Description) Codes(method, pattern string) map[vending.Code]string {
	codes := make(map[vending.Code]string)
	responses, _ := d.Operation(method, pattern)["responses"].(map[string]any)
	for status := range responses {
		for _, of := range [][]string{nil, {"anyOf", "0"}} {
			schema := append(operation(method, pattern, "responses", status, "content", "application/json", "schema"), of...)
			v, _ := d.at(append(schema, "properties", "data", "properties", "code", "enum")...)
			list, _ := v.([]any)
			for _, code := range list {
				codes[vending.Code(code.(string))] = status
			}
		}
	}
	return codes
}
