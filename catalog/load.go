package catalog

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// maxLine bounds one app's line, in bytes without the line feed. The longest embedded line is
// well under 1 KiB; the bound keeps a file that is no catalog from being read into memory.
const maxLine = 64 << 10

// Parse reads apps from JSON lines (one object a line, blank lines allowed), in their order. It
// is strict, so that a misspelt key cannot leave a credential without its placement: unknown
// keys, a slug seen before, anything after the object, invalid UTF-8 and lines over 64 KiB are
// errors that name the line and, where it can be read, the slug. It does not [App.Check] the apps.
func Parse(r io.Reader) ([]App, error) {
	var apps []App
	seen := make(map[string]int)
	lines := bufio.NewReaderSize(r, maxLine+1) // and the line feed
	for number := 1; ; number++ {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return nil, lineError(number, line, fmt.Errorf("over %d bytes: write one app a line", maxLine))
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("reading line %d: %w", number, err)
		}
		if text := bytes.TrimSpace(line); len(text) > 0 {
			app, perr := parseLine(text)
			if perr != nil {
				return nil, lineError(number, text, perr)
			}
			if first, ok := seen[app.Slug]; ok {
				return nil, lineError(number, text, fmt.Errorf("line %d has the same slug: keep one of them", first))
			}
			seen[app.Slug] = number
			apps = append(apps, app)
		}
		if err != nil {
			return apps, nil //nolint:nilerr // err is the end of the file
		}
	}
}

// parseLine reads exactly one JSON object.
func parseLine(text []byte) (App, error) {
	var app App
	if text[0] != '{' { // null would be an app without any property
		return app, errors.New("no JSON object: write one app a line, {\"slug\":…}")
	}
	// encoding/json would put U+FFFD in place of each bad byte.
	if !utf8.Valid(text) {
		return app, errors.New("invalid UTF-8: save the file as UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&app); err != nil {
		return app, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return app, errors.New("more data after the object: write one app a line")
	}
	if app.Slug == "" {
		return app, errors.New("no slug: write \"slug\":\"…\", the app's name in paths")
	}
	return app, nil
}

// lineError names the line and the slug of what could not be read.
func lineError(number int, line []byte, err error) error {
	if slug := slugOf(line); slug != "" {
		return fmt.Errorf("reading line %d (app %q): %w", number, slug, err)
	}
	return fmt.Errorf("reading line %d: %w", number, err)
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
