package httpx

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

// dripping is a body that comes a byte at a time, and ends as err says.
type dripping struct {
	text   string
	err    error
	closed bool
}

func (d *dripping) Read(p []byte) (int, error) {
	if d.text == "" {
		return 0, d.err
	}
	n := copy(p[:1], d.text)
	d.text = d.text[n:]
	return n, nil
}

func (d *dripping) Close() error { d.closed = true; return nil }

// TestReadAhead: what is looked at is read once more, and the end is as it was.
func TestReadAhead(t *testing.T) {
	broken := errors.New("cut")
	for name, end := range map[string]error{"whole": nil, "cut": broken} {
		for _, size := range []int{0, 1, 9, 10, 11, 30} {
			text := strings.Repeat("0123456789", 3)[:size]
			source := &dripping{text: text, err: end}
			if end == nil {
				source.err = io.EOF
			}
			ends := 0
			a := readAhead(source, 10, func() { ends++ })
			head, err := a.prefix(time.Minute)
			if got := string(head); got != text[:min(size, 10)] || size < 10 && !errors.Is(err, source.err) || size > 10 &&
				err != nil {
				t.Errorf("%s, %d bytes: the prefix is %q, error %v", name, size, got, err)
			}
			body, err := io.ReadAll(a)
			if string(body) != text || !errors.Is(err, end) {
				t.Errorf("%s, %d bytes: %q, %v", name, size, body, err)
			}
			if a.Close() != nil || !source.closed || ends != 1 {
				t.Errorf("%s, %d bytes: not closed, or ended %d times", name, size, ends)
			}
		}
	}
}
