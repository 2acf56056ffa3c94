package catalog

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"os"
	"unicode/utf8"
)

// The bounds of a picture: of its file in bytes, and of a PNG in pixels a side.
const (
	maxPicture     = 64 << 10
	maxPictureSide = 1024
)

// Picture is the icon of an app, as it is served.
type Picture struct {
	// ContentType is `image/png` or `image/svg+xml`.
	ContentType string
	Body        []byte
}

// ReadPicture reads the file that an app's Icon names. It is a PNG of at most 1024 pixels a side,
// or an SVG document; either has at most 64 KiB. A script in an SVG is not looked for: it never
// runs, because pages show the picture by <img> alone and it is served with a policy that forbids
// all.
func ReadPicture(name string) (*Picture, error) {
	p, err := readPicture(name)
	if err != nil {
		return nil, fmt.Errorf("icon: %w", err) // not p, which is what was refused
	}
	return p, nil
}

func readPicture(name string) (*Picture, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: name a PNG or SVG file that the server may read", err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no file: name a PNG or SVG file", name)
	case info.Size() > maxPicture:
		return nil, fmt.Errorf("%s has %d bytes: make it at most %d", name, info.Size(), maxPicture)
	}
	body, err := os.ReadFile(name) // #nosec G304 -- the operator names it
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(body, []byte("\x89PNG\r\n\x1a\n")) {
		return &Picture{"image/png", body}, checkPNG(name, body)
	}
	return &Picture{"image/svg+xml", body}, checkSVG(name, body)
}

func checkPNG(name string, body []byte) error {
	c, err := png.DecodeConfig(bytes.NewReader(body))
	switch {
	case err != nil:
		return fmt.Errorf("%s is not a valid PNG: %w", name, err)
	case c.Width > maxPictureSide || c.Height > maxPictureSide:
		return fmt.Errorf("%s has %d × %d pixels: make it at most %d a side", name, c.Width, c.Height, maxPictureSide)
	}
	return nil
}

// checkSVG reads a document to its end: a browser shows none that is not well-formed.
func checkSVG(name string, body []byte) error {
	var root xml.Name
	if !utf8.Valid(body) {
		return fmt.Errorf("%s is neither a PNG nor an SVG in UTF-8", name)
	}
	for d := xml.NewDecoder(bytes.NewReader(body)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("%s is neither a PNG nor a well-formed SVG: %w", name, err)
		}
		if start, ok := token.(xml.StartElement); ok && root.Local == "" {
			root = start.Name
		}
	}
	if root != (xml.Name{Space: "http://www.w3.org/2000/svg", Local: "svg"}) {
		return fmt.Errorf("%s is no SVG: its root must be <svg xmlns=\"http://www.w3.org/2000/svg\">", name)
	}
	return nil
}
