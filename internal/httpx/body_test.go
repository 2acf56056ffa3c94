package httpx

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestReadBody(t *testing.T) {
	for name, c := range map[string]struct {
		body     io.Reader
		announce int64
		want     string
		err      error
		read     bool
	}{
		"whole":                {strings.NewReader("hello"), 5, "hello", nil, true},
		"empty":                {strings.NewReader(""), 0, "", nil, true},
		"as long as can":       {strings.NewReader("0123456789"), -1, "0123456789", nil, true},
		"longer":               {strings.NewReader("0123456789a"), -1, "", ErrTooLarge, true},
		"announced too long":   {strings.NewReader("0123456789a"), 11, "", ErrTooLarge, false},
		"ends early":           {io.MultiReader(strings.NewReader("he"), broken{}), 5, "", io.ErrUnexpectedEOF, true},
		"announced and longer": {strings.NewReader("0123456789a"), 3, "", ErrTooLarge, true},
	} {
		t.Run(name, func(t *testing.T) {
			body := &counting{Reader: c.body}
			r := httptest.NewRequest(http.MethodPost, "/", body)
			r.ContentLength = c.announce
			w := httptest.NewRecorder()
			got, err := ReadBody(w, r, 10)
			if string(got) != c.want || !errors.Is(err, c.err) || (body.reads > 0) != c.read {
				t.Errorf("%q, %v after %d reads, want %q, %v", got, err, body.reads, c.want, c.err)
			}
			if closes := w.Header().Get("Connection") == "close"; closes == c.read {
				t.Errorf("closes the connection: %t", closes)
			}
		})
	}
}

type counting struct {
	io.Reader
	reads int
}

func (c *counting) Read(p []byte) (int, error) {
	c.reads++
	return c.Reader.Read(p)
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
