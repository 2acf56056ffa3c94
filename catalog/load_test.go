package catalog

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func TestParse(t *testing.T) {
	in := "\n" + `{"slug":"b","auth_type":"basic","upstream":"https://b.example.com"}` + "\r\n  \t\n" +
		` {"slug":"a","fields":[{"name":"k","secret":true}]} `
	apps, err := Parse(strings.NewReader(in))
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	if len(apps) != 2 || apps[0].Slug != "b" || apps[1].Slug != "a" {
		t.Fatalf("got %+v", apps)
	}
	if apps[0].Upstream != "https://b.example.com" ||
		!reflect.DeepEqual(apps[1].Fields, []Field{{Name: "k", Secret: true}}) {
		t.Errorf("got %+v", apps)
	}
}

// TestParseNames: providers tell parameters apart by their case, and name them as they like.
func TestParseNames(t *testing.T) {
	apps, err := Parse(strings.NewReader(
		`{"slug":"a","placement":{"query":{"key":"1","Key":"2","ſ":"3","s":"4"}},"oauth2":{"token_url":"","authorize_params":{"A":"1","a":"2"},"token_params":{"B":"1","b":"2"},"refresh_params":{"C":"1","c":"2"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(apps[0].Placement.Query, apps[0].OAuth2.AuthorizeParams, apps[0].OAuth2.TokenParams,
		apps[0].OAuth2.RefreshParams); got != "map[Key:2 key:1 s:4 ſ:3] map[A:1 a:2] map[B:1 b:2] map[C:1 c:2]" {
		t.Errorf("got %s", got)
	}
}

func TestParseNothing(t *testing.T) {
	for _, in := range []string{"", "\n\n", " "} {
		if apps, err := Parse(strings.NewReader(in)); err != nil || len(apps) != 0 {
			t.Errorf("%q: got %+v, %v", in, apps, err)
		}
	}
}

func TestParseErrors(t *testing.T) {
	long := `{"slug":"long","name":"` + strings.Repeat("x", maxLine) + `"}`
	for name, c := range map[string]struct{ in, want string }{
		"unknown key": {`{"slug":"a","colour":"red"}`, `reading line 1 (app "a"): unknown field "colour"`},
		"unknown nested key": {"\n" + `{"slug":"a","oauth2":{"tokenurl":"x"}}`,
			`reading line 2 (app "a"): unknown field "tokenurl"`},
		"repeated key": {`{"slug":"a","upstream":"https://a.example.com","upstream":"https://canary.example.com"}`,
			`reading line 1 (app "a"): "upstream" is a duplicate: keep one of them`},
		"another case twice": {`{"slug":"a","upstream":"https://a.example.com","UPSTREAM":"https://canary.example.com"}`,
			`reading line 1 (app "a"): "UPSTREAM" is a duplicate: keep one of them`},
		"another case": {`{"slug":"a","oauth2":{"Token_URL":"https://a.example.com"}}`,
			`reading line 1 (app "a"): unknown field "Token_URL": write "token_url"`},
		"header twice": {`{"slug":"a","headers":{"X-A":"1","x-a":"2"}}`,
			`reading line 1 (app "a"): "x-a" is a duplicate: keep one of them`},
		"header in capitals": {`{"slug":"a","rate_limit":{"when":{"X-A":"1","X-a":"2"}}}`,
			`reading line 1 (app "a"): "X-a" is a duplicate: keep one of them`},
		"parameter twice": {`{"slug":"a","placement":{"query":{"k":"1","k":"2"}}}`,
			`reading line 1 (app "a"): "k" is a duplicate: keep one of them`},
		"long s": {`{"slug":"a","upstream":"https://a.example.com","upſtream":"https://canary.example.com"}`,
			`reading line 1 (app "a"): unknown field "up\u017ftream": write it in ASCII`},
		"long s, alone": {`{"slug":"a","oauth2":{"ſcopes":["a"]}}`,
			`reading line 1 (app "a"): unknown field "\u017fcopes": write it in ASCII`},
		"Kelvin sign": {"{\"slug\":\"a\",\"oauth2\":{\"to\u212aen_url\":\"https://a.example.com\"}}",
			`reading line 1 (app "a"): unknown field "to\u212aen_url": write it in ASCII`},
		"repeated in a list": {`{"slug":"a","fields":[{"name":"a","name":"b"}]}`,
			`reading line 1 (app "a"): "name" is a duplicate: keep one of them`},
		"key before the slug": {`{"colour":"red","slug":"a"}`, `reading line 1 (app "a"): unknown field "colour"`},
		"wrong type": {`{"slug":"a","fields":"k"}`,
			`reading line 1 (app "a"): "fields": write a list, […], not: string`},
		"duplicate slug": {`{"slug":"a"}` + "\n\n" + `{"slug":"a"}`,
			`reading line 3 (app "a"): line 1 has the same slug: keep one of them`},
		"second object": {`{"slug":"a"}{"slug":"b"}`,
			`reading line 1 (app "a"): more data after the object: write one app a line`},
		"trailing data": {`{"slug":"a"},`,
			`reading line 1 (app "a"): more data after the object: write one app a line`},
		"cut off": {`{"slug":"a","name":"A`,
			`reading line 1 (app "a"): the object does not end on this line: write one app a line, as ` +
				"`jq -c . FILE` writes it"},
		"object over lines": {"{\n\"slug\":\"a\"}",
			`reading line 1: the object does not end on this line: write one app a line, as ` + "`jq -c . FILE` writes it"},
		"array": {`[{"slug":"a"}]`,
			`reading line 1: no JSON object: write one app a line, {"slug":…}, as ` + "`jq -c . FILE` writes it"},
		"null": {`null`,
			`reading line 1: no JSON object: write one app a line, {"slug":…}, as ` + "`jq -c . FILE` writes it"},
		"slug that is no text": {`{"slug":{},"name":"A"}`, `reading line 1: "slug": write a text, "…", not: object`},
		"no object at all":     {`{7`, `reading line 1: invalid character '7' looking for beginning of object key string`},
		"no slug":              {`{"name":"A"}`, `reading line 1: no slug: write "slug":"…", the app's name in paths`},
		"slug of another type": {`{"slug":7}`, `reading line 1: "slug": write a text, "…", not: number`},
		"invalid UTF-8": {"{\"slug\":\"a\",\"name\":\"\xff\"}",
			`reading line 1 (app "a"): invalid UTF-8: save the file as UTF-8`},
		"long line": {`{"slug":"a"}` + "\n" + long + "\n",
			`reading line 2 (app "long"): over 65536 bytes: write one app a line`},
		"long last line": {long, `reading line 1 (app "long"): over 65536 bytes: write one app a line`},
	} {
		t.Run(name, func(t *testing.T) {
			apps, err := Parse(strings.NewReader(c.in))
			if err == nil || err.Error() != c.want {
				t.Errorf("error\n got %v\nwant %s", err, c.want)
			}
			if apps != nil {
				t.Errorf("apps beside the error: %+v", apps)
			}
		})
	}
}

func TestParseLongestLine(t *testing.T) {
	for _, end := range []string{"", "\n"} {
		empty := `{"slug":"a","name":""}`
		fits := `{"slug":"a","name":"` + strings.Repeat("x", maxLine-len(empty)) + `"}`
		if _, err := Parse(strings.NewReader(fits + end)); err != nil {
			t.Errorf("%d bytes and %q: %v", len(fits), end, err)
		}
		over := strings.Replace(fits, `x"`, `xx"`, 1)
		want := `reading line 1 (app "a"): over 65536 bytes: write one app a line`
		if _, err := Parse(strings.NewReader(over + end)); err == nil || err.Error() != want {
			t.Errorf("%d bytes and %q: %v", len(over), end, err)
		}
	}
}

func TestParseKeepsTheReadersError(t *testing.T) {
	broken := errors.New("disk on fire")
	in := fmt.Sprintf("{\"slug\":%q}\n", "a")
	_, err := Parse(iotest.DataErrReader(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(in)))))
	if !errors.Is(err, iotest.ErrTimeout) || err.Error() != "reading line 1: timeout" {
		t.Errorf("got %v", err)
	}
	if _, err := Parse(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// TestLines: every mistake of a file is told, each with its line.
func TestLines(t *testing.T) {
	good := `{"slug":"a","auth_type":"api_key","upstream":"https://a.example.com","fields":[{"name":"k","secret":true}],"placement":{"query":{"k":"{k}"}}}`
	in := strings.Join([]string{
		"", good, `{"slug":"b","colour":"red"}`, `{"slug":"long","name":"` + strings.Repeat("x", 3*maxLine) + `"}`, `{7`,
		good,
		strings.Replace(good, `"slug":"a"`, `"slug":"c"`, 1), `{"slug":"d","auth_type":"none"}`,
	}, "\n")
	var got []string
	for line := range Lines(strings.NewReader(in)) {
		got = append(got, fmt.Sprintf("%d %s %v", line.Number, line.Slug, line.Err))
	}
	want := []string{
		"2 a <nil>",
		`3 b app "b": unknown field "colour"`,
		`4 long app "long": over 65536 bytes: write one app a line`,
		"5  invalid character '7' looking for beginning of object key string",
		`6 a app "a": line 2 has the same slug: keep one of them`,
		"7 c <nil>",
		`8 d app d: auth_type "none" is unknown: write o_auth, api_key, basic or header`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for range Lines(strings.NewReader(in)) {
		break // and no more is read
	}
	broken := iotest.ErrReader(errors.New("the disk is gone"))
	for line := range Lines(broken) {
		if line.Err == nil || line.Err.Error() != "the disk is gone" {
			t.Errorf("got %+v", line)
		}
	}
}

// Parse reads lines until the first that cannot be read, without checking the apps.
func Parse(r io.Reader) ([]App, error) {
	var apps []App
	for line := range scanLines(r) {
		if line.Err != nil {
			return nil, lineError(line)
		}
		apps = append(apps, line.App)
	}
	return apps, nil
}

// lineError names the line and the slug of what could not be read.
func lineError(l Line) error {
	if l.Slug != "" {
		return fmt.Errorf("reading line %d (app %q): %w", l.Number, l.Slug, l.Err)
	}
	return fmt.Errorf("reading line %d: %w", l.Number, l.Err)
}
