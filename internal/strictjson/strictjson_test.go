package strictjson

import (
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestObject(t *testing.T) {
	fold := func(m Member) string { return strings.ToLower(m.Name) }
	stated := func(m Member) string {
		if string(m.Value) == "null" {
			return ""
		}
		return m.Name
	}
	for name, c := range map[string]struct {
		raw, want string
		unique    func(Member) string
	}{
		"in order":         {"{\"b\":1,\"a\":\"x\"}", "b=1 a=\"x\"", nil},
		"empty":            {" {} \r\n", "", nil},
		"a long number":    {`{"n":12345678901234567890.10}`, "n=12345678901234567890.10", nil},
		"an object within": {`{"a":{"b":1,"b":2}}`, `a={"b":1,"b":2}`, nil},
		"an empty key":     {`{"":1}`, "=1", nil},
		"white space": {"{ \"a\" : [ 1 , \"]\" ]\n,\t\"b\":{\"}\":2} , \"c\" : null }",
			`a=[ 1 , "]" ] b={"}":2} c=null`, nil},
		"escapes":               {`{"a\\\"b":"\\\"","c\u00e9":"\\"}`, `a\"b="\\\"" cé="\\"`, nil},
		"a word at the end":     {`{"a":true}`, "a=true", nil},
		"another case":          {`{"a":1,"A":2}`, "a=1 A=2", nil},
		"null twice":            {`{"a":null,"a":null,"a":1}`, "a=null a=null a=1", stated},
		"a duplicate":           {`{"a":1,"b":2,"a":1}`, `duplicate key "a"`, nil},
		"an escaped duplicate":  {`{"a":1,"\u0061":2}`, `duplicate key "a"`, nil},
		"an empty duplicate":    {`{"":1,"":2}`, `duplicate key ""`, nil},
		"a duplicate but case":  {`{"ab":1,"Ab":2}`, `duplicate key "Ab"`, fold},
		"a duplicate and nulls": {`{"a":null,"a":1,"a":2}`, `duplicate key "a"`, stated},
		"nothing":               {"", ErrNoObject.Error(), nil},
		"white space alone":     {" \n", ErrNoObject.Error(), nil},
		"null":                  {"null", ErrNoObject.Error(), nil},
		"a list":                {"[]", ErrNoObject.Error(), nil},
		"two":                   {"{}{}", ErrNoObject.Error(), nil},
		"cut off":               {`{"a":1`, ErrNoObject.Error(), nil},
		"a trailing comma":      {`{"a":1,}`, ErrNoObject.Error(), nil},
		"invalid UTF-8":         {"{\"a\":\"\xff\"}", ErrNoObject.Error(), nil},
		"a byte order mark":     {"\uFEFF{}", ErrNoObject.Error(), nil},
		"a key that is none":    {`{1:2}`, ErrNoObject.Error(), nil},
	} {
		t.Run(name, func(t *testing.T) {
			members, err := Object([]byte(c.raw), c.unique)
			var got []string
			for _, m := range members {
				got = append(got, m.Name+"="+string(m.Value))
			}
			if err != nil {
				got = append(got, err.Error())
			}
			if got := strings.Join(got, " "); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// TestObjectAllocates: catalogs have thousands of objects, all of which are read before a gateway
// serves. What is allocated is the map, the name and the value of each member, and their list as it
// grows.
func TestObjectAllocates(t *testing.T) {
	raw := []byte(`{"slug":"books","name":"Books","fields":[{"name":"api_key"}],"verify":{"path":"/me"}}`)
	if n := testing.AllocsPerRun(100, func() { _, _ = Object(raw, nil) }); n > 18 {
		t.Errorf("%v allocations for an object of four members", n)
	}
}

// FuzzMap: what is read is what encoding/json reads; what is refused is no object, or has a
// duplicate.
func FuzzMap(f *testing.F) {
	for _, seed := range []string{`{"a":1,"b":{"a":[]}}`, `{"a":1,"a":2}`, `{"\u0061":null}`, "[1]", "{\"a\xff\":1}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var want map[string]json.RawMessage
		ok := json.Unmarshal(raw, &want) == nil && want != nil && utf8.Valid(raw)
		got, err := Map(raw)
		var duplicate *DuplicateError
		switch {
		case errors.As(err, &duplicate):
			if _, known := want[duplicate.Name]; !ok || !known {
				t.Errorf("%q has no duplicate %q", raw, duplicate.Name)
			}
		case (err == nil) != ok:
			t.Errorf("%q: error %v", raw, err)
		case ok && !maps.EqualFunc(got, want, func(a, b json.RawMessage) bool { return string(a) == string(b) }):
			t.Errorf("%q became %q, want %q", raw, got, want)
		}
	})
}
