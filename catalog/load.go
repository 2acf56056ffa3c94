package catalog

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/vendgate/vendgate/internal/strictjson"
)

// maxLine bounds one app's line, in bytes without the line feed. The longest embedded line is
// well under 1 KiB; the bound keeps a file that is no catalog from being read into memory.
const maxLine = 64 << 10

// maxFile bounds a catalog file, in bytes: a device without end must not keep a start waiting.
const maxFile = 64 << 20

// Line is one line of a catalog file: an app, or what is wrong with it.
type Line struct {
	// Number counts from 1.
	Number int
	// Slug is empty where it cannot be read.
	Slug string
	App  App
	// Err names the slug, where there is one, and not the line.
	Err error
}

// Lines reads apps from JSON lines (one object a line, blank lines allowed), in their order, and
// holds each against its [App.Check]. It is strict, so that a misspelt key cannot leave a
// credential without its placement: unknown or repeated keys, a slug seen before, anything after
// the object, invalid UTF-8, lines over 64 KiB and files over 64 MiB are errors. It goes on after a
// mistake, so that an operator hears of all at once.
func Lines(r io.Reader) iter.Seq[Line] {
	return func(yield func(Line) bool) {
		for line := range scanLines(r) {
			switch {
			case line.Err == nil:
				line.Err = line.App.Check()
			case line.Slug != "":
				line.Err = fmt.Errorf("app %q: %w", line.Slug, line.Err)
			}
			if !yield(line) {
				return
			}
		}
	}
}

// scanLines yields the lines that are not blank, and ends with the file or with what kept it from
// being read.
func scanLines(r io.Reader) iter.Seq[Line] {
	return func(yield func(Line) bool) {
		seen := make(map[string]int)
		lines := bufio.NewReaderSize(r, maxLine+1) // and the line feed
		size := 0
		for number := 1; ; number++ {
			text, err := lines.ReadSlice('\n')
			line := Line{Number: number}
			if size += len(text); size > maxFile {
				line.Err = fmt.Errorf("the file has over %d bytes: name a catalog file", maxFile)
				yield(line)
				return
			}
			switch {
			case errors.Is(err, bufio.ErrBufferFull):
				line.Slug, line.Err = slugOf(text), fmt.Errorf("over %d bytes: write one app a line", maxLine)
			case err != nil && !errors.Is(err, io.EOF):
				line.Err = err
			default:
				line.read(bytes.TrimSpace(text), seen)
			}
			if (line.Err != nil || line.Slug != "") && !yield(line) {
				return
			}
			for errors.Is(err, bufio.ErrBufferFull) && size <= maxFile { // the rest of a long line
				text, err = lines.ReadSlice('\n')
				size += len(text)
			}
			if err != nil {
				return
			}
		}
	}
}

// read takes the app from a line's text, which may be blank. seen are the lines of the slugs
// before.
func (l *Line) read(text []byte, seen map[string]int) {
	if len(text) == 0 {
		return
	}
	if l.App, l.Err = parseLine(text); l.Err == nil {
		l.Err = checkKeys(text, ownKeys)
	}
	if l.Err != nil {
		l.Slug = slugOf(text)
		return
	}
	l.Slug = l.App.Slug
	if first, ok := seen[l.Slug]; ok {
		l.Err = fmt.Errorf("line %d has the same slug: keep one of them", first)
		return
	}
	seen[l.Slug] = l.Number
}

// parseLine reads exactly one JSON object.
func parseLine(text []byte) (App, error) {
	var app App
	if text[0] != '{' { // null would be an app without any property
		return app, errors.New("no JSON object: write one app a line, {\"slug\":…}, as `jq -c . FILE` writes it")
	}
	// encoding/json would put U+FFFD in place of each bad byte.
	if !utf8.Valid(text) {
		return app, errors.New("invalid UTF-8: save the file as UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&app); err != nil {
		return app, inWords(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return app, errors.New("more data after the object: write one app a line")
	}
	if app.Slug == "" {
		return app, errors.New("no slug: write \"slug\":\"…\", the app's name in paths")
	}
	return app, nil
}

// inWords says what encoding/json found wrong without the names of Go's types.
func inWords(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the object does not end on this line: write one app a line, as `jq -c . FILE` writes it")
	}
	var mistyped *json.UnmarshalTypeError
	if !errors.As(err, &mistyped) {
		return fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "json: "))
	}
	want := "an object, {…}"
	switch mistyped.Type.Kind() {
	case reflect.String:
		want = `a text, "…"`
	case reflect.Bool:
		want = "true or false"
	case reflect.Slice:
		want = "a list, […]"
	case reflect.Int, reflect.Int64, reflect.Uint64, reflect.Float64:
		want = "a number that fits"
	}
	return fmt.Errorf("%q: write %s, not: %s", mistyped.Field, want, mistyped.Value)
}

// naming is what the keys of an object are.
type naming int

const (
	ownKeys       naming = iota // properties of the format: lower-case ASCII
	headerKeys                  // names of headers, which have no case
	parameterKeys               // names of parameters, which may differ by their case alone
)

// namings are the objects whose keys are names of the provider's.
var namings = map[string]naming{
	"header": headerKeys, "headers": headerKeys, "when": headerKeys, "query": parameterKeys,
	"authorize_params": parameterKeys, "token_params": parameterKeys,
	"refresh_params": parameterKeys,
}

// checkKeys refuses what encoding/json takes in silence: a duplicate key of an object, or one that
// is spelt in another case.
func checkKeys(text []byte, keys naming) error {
	members, err := strictjson.Object(text, func(m strictjson.Member) string {
		if keys == parameterKeys {
			return m.Name
		}
		return strings.ToLower(m.Name)
	})
	var duplicate *strictjson.DuplicateError
	if errors.As(err, &duplicate) {
		return fmt.Errorf("%q is a duplicate: keep one of them", duplicate.Name)
	}
	for _, m := range members {
		of := ownKeys
		if keys == ownKeys {
			if err := checkKey(m.Name); err != nil {
				return err
			}
			of = namings[m.Name]
		}
		if err := checkValue(m.Value, of); err != nil {
			return err
		}
	}
	return err
}

// checkKey checks a property of the format.
func checkKey(key string) error {
	if strings.ContainsFunc(key, func(r rune) bool { return r > unicode.MaxASCII }) {
		// encoding/json takes U+017F for an s and U+212A for a k.
		return fmt.Errorf("unknown field %+q: write it in ASCII", key)
	}
	if lower := strings.ToLower(key); key != lower {
		return fmt.Errorf("unknown field %q: write %q", key, lower)
	}
	return nil
}

func checkValue(value []byte, keys naming) error {
	switch value[0] {
	case '{':
		return checkKeys(value, keys)
	case '[':
		var list []json.RawMessage
		if err := json.Unmarshal(value, &list); err != nil {
			return err
		}
		for _, v := range list {
			if err := checkValue(v, ownKeys); err != nil {
				return err
			}
		}
	}
	return nil
}

// slugOf finds the slug in a line that may be cut off or otherwise broken after it; "" if there is
// none to be found.
func slugOf(line []byte) string {
	d := json.NewDecoder(bytes.NewReader(line))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return ""
	}
	for {
		key, err := d.Token()
		if err != nil || key == json.Delim('}') {
			return ""
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return ""
		}
		if key == "slug" {
			var slug string
			if json.Unmarshal(value, &slug) != nil || len(slug) > maxSlug {
				return ""
			}
			return slug
		}
	}
}
