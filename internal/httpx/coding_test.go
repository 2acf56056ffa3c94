package httpx

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// encoded is body after the codings, in their order.
func encoded(t *testing.T, body string, codings ...string) string {
	t.Helper()
	for _, coding := range codings {
		var b bytes.Buffer
		var w io.WriteCloser
		switch coding {
		case "gzip":
			w = gzip.NewWriter(&b)
		case "zlib":
			w = zlib.NewWriter(&b)
		case "flate":
			w, _ = flate.NewWriter(&b, flate.BestCompression)
		}
		if _, err := io.WriteString(w, body); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		body = b.String()
	}
	return body
}

// coded is an answer's bytes.
func coded(body string, headers ...string) string {
	head := "HTTP/1.1 200 OK\r\nContent-Length: " + fmt.Sprint(len(body)) + "\r\n"
	for _, h := range headers {
		head += "Content-Encoding: " + h + "\r\n"
	}
	return head + "\r\n" + body
}

// TestCodings has answers that are compressed though nobody asked for that.
func TestCodings(t *testing.T) {
	const limit = 2000
	hello, bomb := encoded(t, "hello", "gzip"), encoded(t, strings.Repeat("x", limit+1), "gzip")
	for name, c := range map[string]struct {
		answer, body, told string
	}{
		"identity":            {coded("hello", "identity"), "hello", ""},
		"gzip":                {coded(hello, "gzip"), "hello", ""},
		"x-gzip":              {coded(hello, "X-GZIP"), "hello", ""},
		"deflate":             {coded(encoded(t, "hello", "zlib"), "deflate"), "hello", ""},
		"deflate, bare":       {coded(encoded(t, "hello", "flate"), "deflate"), "hello", ""},
		"twice":               {coded(encoded(t, "hello", "zlib", "gzip"), "deflate, gzip"), "hello", ""},
		"twice, in two lines": {coded(encoded(t, "hello", "zlib", "gzip"), "deflate", "gzip"), "hello", ""},
		"in chunks": {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n" +
			fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(hello), hello), "hello", ""},
		"none at all":    {coded("", "gzip"), "", ""},
		"a charset":      {coded("hello", "UTF-8"), "hello", ""},
		"as much as can": {coded(encoded(t, strings.Repeat("x", limit), "gzip"), "gzip"), strings.Repeat("x", limit), ""},
		"a bomb":         {coded(bomb, "gzip"), "", "the body is too large: the response has more than 2000 bytes"},
		"a bomb in a box": {coded(encoded(t, bomb, "gzip"), "gzip, gzip"), "",
			"the body is too large: the response has more than 2000 bytes"},
		"too many bytes": {coded(strings.Repeat(encoded(t, "", "gzip"), 200), "gzip"), "",
			"the body is too large: the response has more than 3024 bytes"},
		"brotli": {coded("canary", "br"), "",
			"the response's content coding cannot be decoded: it is br, and the request accepts only identity"},
		"zstd": {coded("canary", "zstd"), "",
			"the response's content coding cannot be decoded: it is zstd, and the request accepts only identity"},
		"unknown": {coded("canary", "canary"), "",
			"the response's content coding cannot be decoded: it is unknown, and the request accepts only identity"},
		"too many": {coded(encoded(t, "hello", "gzip", "gzip", "gzip", "gzip"), "gzip, gzip, gzip, gzip"), "",
			"the response's content coding cannot be decoded: there are more than 3"},
		"not gzip": {coded("canary", "gzip"), "",
			"the response's content coding cannot be decoded: the body is not valid gzip"},
		"not zlib": {coded("\x78\x9ccanary", "deflate"), "",
			"the response's content coding cannot be decoded: the body is not valid deflate"},
		"cut inside": {coded(hello[:len(hello)-4], "gzip"), "",
			"the response's content coding cannot be decoded: the body is not valid gzip"},
	} {
		t.Run(name, func(t *testing.T) {
			url, _ := answering(t, c.answer, false)
			res, err := Do(transport(t), get(t, url), limit)
			if res == nil || res.Status != 200 || string(res.Body) != c.body || told(err) != c.told {
				t.Fatalf("%+v, %v; want %q", res, err, c.told)
			}
			if strings.HasPrefix(c.told, "the response's") != errors.Is(err, ErrCoding) {
				t.Errorf("%v has the wrong ErrCoding", err)
			}
			call := &Call{Transport: transport(t), Limit: limit}
			again, err := call.RoundTrip(get(t, url))
			if told(err) != c.told || told(call.Err) != c.told {
				t.Fatalf("as a RoundTripper: %v; want %q", err, c.told)
			}
			if err != nil {
				return
			}
			body, err := io.ReadAll(again.Body)
			if err != nil || string(body) != c.body || again.ContentLength != int64(len(c.body)) {
				t.Errorf("as a RoundTripper: %q, %v", body, err)
			}
			if err := again.Body.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func told(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// asked keeps the request that it gets.
type asked struct{ got *http.Request }

func (a *asked) RoundTrip(r *http.Request) (*http.Response, error) {
	a.got = r
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody}, nil
}

// TestAcceptEncoding: each call asks for no coding, and leaves the request that it was given as it
// is.
func TestAcceptEncoding(t *testing.T) {
	for way, send := range map[string]func(rt http.RoundTripper, r *http.Request) error{
		"Do":   func(rt http.RoundTripper, r *http.Request) error { _, err := Do(rt, r, 9); return err },
		"Head": func(rt http.RoundTripper, r *http.Request) error { _, err := Head(rt, r, 9, unwanted); return err },
		"Call": func(rt http.RoundTripper, r *http.Request) error {
			res, err := (&Call{Transport: rt, Limit: 9}).RoundTrip(r)
			if err != nil {
				return err
			}
			return res.Body.Close()
		},
	} {
		var rt asked
		r := get(t, "http://127.0.0.1/")
		if err := send(&rt, r); err != nil || rt.got.Header.Get("Accept-Encoding") != "identity" || len(r.Header) != 0 {
			t.Errorf("%s: %v: sent %v, the request has %v now", way, err, rt.got.Header, r.Header)
		}
		r.Header = nil
		if err := send(&rt, r); err != nil || rt.got.Header.Get("Accept-Encoding") != "identity" {
			t.Errorf("%s, without headers: %v", way, err)
		}
		r.Header = http.Header{"Accept-Encoding": {"gzip"}}
		if err := send(&rt, r); err != nil || rt.got.Header.Get("Accept-Encoding") != "gzip" {
			t.Errorf("%s, with its own: %v: sent %v", way, err, rt.got.Header)
		}
	}
}
