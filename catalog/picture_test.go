package catalog

import (
	"bytes"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func encodePNG(t *testing.T, side int) string {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, side, side))); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestReadPicture: what is no picture, or too large for one, is refused with what to do.
func TestReadPicture(t *testing.T) {
	const open = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">`
	for name, c := range map[string]struct{ body, contentType, problem string }{
		"a PNG":          {encodePNG(t, 64), "image/png", ""},
		"an SVG":         {open + `<rect width="9" height="9"/></svg>`, "image/svg+xml", ""},
		"a script":       {`<?xml version="1.0"?>` + open + `<script>alert(1)</script></svg>`, "image/svg+xml", ""},
		"a wide PNG":     {encodePNG(t, 1025), "", "1025 × 1025 pixels: make it at most 1024 a side"},
		"a broken PNG":   {encodePNG(t, 64)[:20], "", "not a valid PNG"},
		"a large file":   {open + strings.Repeat(" ", 64<<10) + "</svg>", "", "make it at most 65536"},
		"a page":         {`<html xmlns="http://www.w3.org/1999/xhtml"></html>`, "", "is no SVG"},
		"an entity":      {`<!DOCTYPE svg [<!ENTITY a "b">]>` + open + `&a;</svg>`, "", "well-formed SVG"},
		"half an SVG":    {open, "", "well-formed SVG"},
		"a JPEG":         {"\xff\xd8\xff\xe0", "", "neither a PNG nor an SVG"},
		"an empty file":  {"", "", "is no SVG"},
		"no such file":   {"-", "", "name a PNG or SVG file that the server may read"},
		"another folder": {"/", "", "is no file"},
	} {
		file := filepath.Join(t.TempDir(), "icon")
		switch c.body {
		case "-":
		case "/":
			file = filepath.Dir(file)
		default:
			if err := os.WriteFile(file, []byte(c.body), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		got, err := ReadPicture(file)
		if c.problem != "" {
			if err == nil || !strings.Contains(err.Error(), c.problem) {
				t.Errorf("%s: %v, want %q", name, err, c.problem)
			}
			continue
		}
		if err != nil || got.ContentType != c.contentType || string(got.Body) != c.body {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}
