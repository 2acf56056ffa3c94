package catalog

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
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
	for line := range scanLines(r) {
		if line.Err != nil {
			return nil, lineError(line)
		}
		apps = append(apps, line.App)
	}
	return apps, nil
}

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

// Lines reads apps as [Parse] does and holds each against its [App.Check]. It goes on after a mistake, so that an operator
// hears of all at once.
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

// scanLines yields the lines that are not blank, and ends with the file or with what kept it from being read.
func scanLines(r io.Reader) iter.Seq[Line] {
	return func(yield func(Line) bool) {
		seen := make(map[string]int)
		lines := bufio.NewReaderSize(r, maxLine+1) // and the line feed
		for number := 1; ; number++ {
			text, err := lines.ReadSlice('\n')
			line := Line{Number: number}
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
			for errors.Is(err, bufio.ErrBufferFull) { // the rest of a long line
				_, err = lines.ReadSlice('\n')
			}
			if err != nil {
				return
			}
		}
	}
}

// read takes the app from a line's text, which may be blank. seen are the lines of the slugs before.
func (l *Line) read(text []byte, seen map[string]int) {
	if len(text) == 0 {
		return
	}
	if l.App, l.Err = parseLine(text); l.Err != nil {
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
func lineError(l Line) error {
	if l.Slug != "" {
		return fmt.Errorf("reading line %d (app %q): %w", l.Number, l.Slug, l.Err)
	}
	return fmt.Errorf("reading line %d: %w", l.Number, l.Err)
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
