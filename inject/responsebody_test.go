package inject

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vendgate/vendgate/catalog"
)

// cannedAnswer is a RoundTripper that answers what it holds.
type cannedAnswer struct {
	head http.Header
	body io.ReadCloser
	res  http.Response
	sent *http.Request
}

func (a *cannedAnswer) RoundTrip(r *http.Request) (*http.Response, error) {
	a.sent = r
	res := a.res
	res.Header, res.Body = a.head, a.body
	return &res, nil
}

// answered sends a call of the app with links and rewrites its answer.
func answered(t *testing.T, method string, a *cannedAnswer) *http.Response {
	t.Helper()
	app := keyApp("https://api.example.com", headers("X-Key", "{api_key}"))
	app.Links = &catalog.Links{Members: []string{"next"}}
	inj := injectionWith(t, app, testCredential("api_key", "secret"))
	r, err := http.NewRequestWithContext(WithInjection(t.Context(), inj), method, "http://app/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header["Accept-Encoding"] = []string{"br, gzip;q=0.8", "zstd"}
	if a.res.StatusCode == 0 {
		a.res.StatusCode = 200
	}
	res, err := (&Transport{Base: a}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	inj.RewriteBody(res, testGateway)
	return res
}

func zipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

const (
	linkText  = `{"a": 1.0, "next":"https:\/\/api.example.com\/x?p=2&q=\u00e9"}`
	linkTo    = `{"a": 1.0, "next":"https:\/\/gw.example\/proxy\/c\/app\/x?p=2&q=\u00e9"}`
	jsonType  = "application/json; charset=utf-8"
	maxEditAt = maxEdited - len(linkText)
)

func TestRewriteBody(t *testing.T) {
	edge := strings.Repeat(" ", maxEditAt)
	for _, c := range []struct {
		name, kind, coding, body, want string
		method, part                   string
		status                         int
	}{
		{name: "plain", body: linkText, want: linkTo},
		{name: "another type of JSON", kind: "application/vnd.api+json", body: linkText, want: linkTo},
		{name: "an error", status: 404, body: linkText, want: linkTo},
		{name: "gzip", coding: "gzip", body: zipped(linkText), want: linkTo},
		{name: "x-gzip", coding: "X-GZIP", body: zipped(linkText), want: linkTo},
		{name: "gzip in two members", coding: "gzip", body: zipped(linkText[:20]) + zipped(linkText[20:]), want: linkTo},
		{name: "as large as may be", body: linkText + edge, want: linkTo + edge},
		{name: "as large as may be, zipped", coding: "gzip", body: zipped(linkText + edge), want: linkTo + edge},
		{name: "too large", body: linkText + edge + " "},
		{name: "too large, zipped", coding: "gzip", body: zipped(linkText + edge + " ")},
		{name: "a bomb", coding: "gzip", body: zipped(linkText + strings.Repeat(" ", 64<<20))},
		{name: "brotli", coding: "br", body: linkText},
		{name: "two codings", coding: "gzip, gzip", body: zipped(zipped(linkText))},
		{name: "cut gzip", coding: "gzip", body: zipped(linkText)[:60]},
		{name: "gzip with more behind it", coding: "gzip", body: zipped(linkText) + "x"},
		{name: "no gzip", coding: "gzip", body: linkText},
		{name: "a byte order mark", body: "\uFEFF" + linkText, want: "\uFEFF" + linkTo},
		{name: "invalid JSON", body: linkText + "}"},
		{name: "lines of JSON", body: linkText + "\n" + linkText},
		{name: "declared lines of JSON", kind: "application/x-ndjson", body: linkText},
		{name: "events", kind: "text/event-stream", body: "data: " + linkText + "\n\n"},
		{name: "text", kind: "text/plain", body: linkText},
		{name: "no type", kind: "-", body: linkText},
		{name: "a part", status: 206, body: linkText},
		{name: "a part by its header", part: "bytes 0-61/99", body: linkText},
		{name: "the head", method: "HEAD"},
		{name: "nothing changed", body: `{ "next" : "https:\/\/other.example\/x" }`},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, known := range []bool{true, false} {
				h := http.Header{"Etag": {`"1"`}, "Content-Md5": {"m"}, "X-Amz-Checksum-Crc32": {"c"}, "Accept-Ranges": {"bytes"}}
				if c.kind != "-" {
					h.Set("Content-Type", strings.Trim(c.kind+";"+jsonType[16:], ";"))
					if c.kind == "" {
						h.Set("Content-Type", jsonType)
					}
				}
				if c.coding != "" {
					h.Set("Content-Encoding", c.coding)
				}
				if c.part != "" {
					h.Set("Content-Range", c.part)
				}
				a := &cannedAnswer{head: h, body: io.NopCloser(strings.NewReader(c.body)),
					res: http.Response{StatusCode: c.status, ContentLength: -1}}
				if known {
					a.res.ContentLength = int64(len(c.body))
					h.Set("Content-Length", strconv.Itoa(len(c.body)))
				}
				method := c.method
				if method == "" {
					method = "GET"
				}
				res := answered(t, method, a)
				checkEdited(t, res, c.body, c.want)
				if got := a.sent.Header["Accept-Encoding"]; len(got) != 1 || got[0] != "gzip;q=0.8" {
					t.Errorf("the upstream was asked for %q", got)
				}
			}
		})
	}
}

// checkEdited expects want, or body as it was with all that the header says of it.
func checkEdited(t *testing.T, res *http.Response, body, want string) {
	t.Helper()
	raw, err := io.ReadAll(res.Body)
	if err != nil || res.Body.Close() != nil {
		t.Fatal(err)
	}
	text := string(raw)
	if want == "" {
		if text != body || res.Header.Get("Etag") != `"1"` || res.Header.Get("Content-Md5") != "m" ||
			res.Header.Get("Accept-Ranges") != "bytes" {
			t.Errorf("%d bytes became %d, with %v: %.200q", len(body), len(text), res.Header, text)
		}
		return
	}
	if res.ContentLength != int64(len(raw)) || res.Header.Get("Content-Length") != strconv.Itoa(len(raw)) {
		t.Errorf("%d bytes have the length %d, %q", len(raw), res.ContentLength, res.Header.Get("Content-Length"))
	}
	if coding, _ := codingOf(res.Header); coding != "" {
		plain, ok := unzipAll(text)
		if !ok {
			t.Fatal("the body is no gzip")
		}
		text = plain
	}
	if text != want {
		t.Errorf("got %.300q, want %.300q", text, want)
	}
	if res.Header.Get("Etag") != `W/"1"` ||
		len(res.Header["Content-Md5"])+len(res.Header["X-Amz-Checksum-Crc32"])+len(res.Header["Accept-Ranges"]) > 0 {
		t.Errorf("the header still speaks of other bytes: %v", res.Header)
	}
}

func unzipAll(text string) (string, bool) {
	r, err := gzip.NewReader(strings.NewReader(text))
	if err != nil {
		return "", false
	}
	plain, err := io.ReadAll(r)
	return string(plain), err == nil
}

// TestRewriteStream: a body that goes on for longer is a stream. Nothing of it waits for its end,
// and its links lead to the gateway nevertheless.
func TestRewriteStream(t *testing.T) {
	for _, coding := range []string{"", "gzip"} {
		synctest.Test(t, func(t *testing.T) {
			in, out := io.Pipe()
			trailer := http.Header{"Digest": nil, "X-Sum": nil}
			defer func() { _ = in.Close() }()
			var w io.Writer = out
			flush := func() error { return nil }
			if coding != "" {
				zip := gzip.NewWriter(out)
				w, flush = zip, zip.Flush
			}
			proceed := make(chan struct{})
			go func() {
				for _, part := range []string{`[{"next":"https://api.example.com/a"},`, `{"next":"https://api.ex`,
					`ample.com/b"}]`} {
					_, _ = io.WriteString(w, part)
					_ = flush()
					<-proceed
				}
				if zip, ok := w.(*gzip.Writer); ok {
					_ = zip.Close()
				}
				trailer["Digest"], trailer["X-Sum"] = []string{"d"}, []string{"s"} // as net/http does at the end
				_ = out.Close()
			}()
			h := http.Header{"Content-Type": {jsonType}, "Digest": {"d"}, "Etag": {`"1"`}}
			if coding != "" {
				h.Set("Content-Encoding", coding)
			}
			begun := time.Now()
			res := answered(t, "GET", &cannedAnswer{head: h, body: in, res: http.Response{ContentLength: -1, Trailer: trailer}})
			if waited := time.Since(begun); waited > streamTimeout {
				t.Errorf("the answer was held for %s", waited)
			}
			if len(res.Header["Content-Encoding"])+len(res.Header["Digest"]) > 0 || res.Header.Get("Etag") != `W/"1"` {
				t.Errorf("the header still speaks of other bytes: %v", res.Header)
			}
			first := make([]byte, len(`[{"next":"https://gw.example/proxy/c/app/a"},`))
			if _, err := io.ReadFull(res.Body, first); err != nil ||
				string(first) != `[{"next":"https://gw.example/proxy/c/app/a"},` {
				t.Fatalf("the stream begins %q, error %v", first, err)
			}
			close(proceed)
			rest, err := io.ReadAll(res.Body)
			if string(rest) != `{"next":"https://gw.example/proxy/c/app/b"}]` || err != nil {
				t.Errorf("the stream goes on %q, error %v", rest, err)
			}
			if len(res.Trailer["Digest"]) > 0 || res.Trailer.Get("X-Sum") != "s" {
				t.Errorf("the trailers are %v", res.Trailer)
			}
			_ = res.Body.Close()
		})
	}
}

// TestRewriteBrokenBody: what breaks off does so at the caller, too, and nothing of it is lost.
func TestRewriteBrokenBody(t *testing.T) {
	body := io.NopCloser(io.MultiReader(strings.NewReader(linkText[:30]), brokenReader{}))
	res := answered(t, "GET", &cannedAnswer{head: http.Header{"Content-Type": {jsonType}}, body: body,
		res: http.Response{ContentLength: int64(len(linkText))}})
	got, err := io.ReadAll(res.Body)
	if string(got) != linkText[:30] || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %q, error %v", got, err)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestRewriteBodyOfOthers: an app without links has its cannedAnswer touched by nobody.
func TestRewriteBodyOfOthers(t *testing.T) {
	app := keyApp("https://api.example.com", headers("X-Key", "{api_key}"))
	inj := injectionWith(t, app, testCredential("api_key", "secret"))
	body := io.NopCloser(strings.NewReader(linkText))
	a := &cannedAnswer{head: http.Header{"Content-Type": {jsonType}}, body: body,
		res: http.Response{StatusCode: 200, ContentLength: -1}}
	r, err := http.NewRequestWithContext(WithInjection(t.Context(), inj), "GET", "http://app/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header["Accept-Encoding"] = []string{"br"}
	res, err := (&Transport{Base: a}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	inj.RewriteBody(res, testGateway)
	if res.Body != body || a.sent.Header.Get("Accept-Encoding") != "br" {
		t.Errorf("the body is another one, or the upstream was asked for %q", a.sent.Header.Get("Accept-Encoding"))
	}
	_ = res.Body.Close()
}
