package gateway

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"testing"
)

// asked is a body that notes how much its reader asked for at most.
type asked struct {
	io.Reader
	most int
}

func (b *asked) Read(p []byte) (int, error) {
	b.most = max(b.most, len(p))
	return b.Reader.Read(p)
}

func (*asked) Close() error { return nil }

// TestResponseBuffer: a stream of events, which may be quiet for hours, and a short answer are
// copied through a small buffer, all else through a large one.
func TestResponseBuffer(t *testing.T) {
	for name, tt := range map[string]struct {
		kind   string
		length int64
		want   int
	}{
		"events":                {"text/event-stream", -1, smallBuffer},
		"events with a charset": {"Text/Event-Stream; charset=utf-8", -1, smallBuffer},
		"events of known size":  {"text/event-stream", 1 << 20, smallBuffer},
		"events after a space":  {" \u00a0text/event-stream", 1 << 20, smallBuffer},
		"short":                 {"application/json", 1 << 10, smallBuffer},
		"empty":                 {"", 0, smallBuffer},
		"as long as the buffer": {"application/json", smallBuffer, smallBuffer},
		"a byte longer":         {"application/json", smallBuffer + 1, largeBuffer},
		"of unknown length":     {"application/json", -1, largeBuffer},
	} {
		t.Run(name, func(t *testing.T) {
			body := &asked{Reader: strings.NewReader("data: x\n\n")}
			w := httptest.NewRecorder()
			c := &call{ResponseWriter: w}
			proxy := httputil.ReverseProxy{
				Rewrite: func(*httputil.ProxyRequest) {},
				Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
					return &http.Response{StatusCode: http.StatusOK, ContentLength: tt.length, Request: r, Body: body,
						Header: http.Header{"Content-Type": {tt.kind}}}, nil
				}),
				ModifyResponse: func(res *http.Response) error { c.hold(res); return nil },
				BufferPool:     (*responseBuffer)(c),
			}
			proxy.ServeHTTP(c, httptest.NewRequest(http.MethodGet, "http://upstream.example/", http.NoBody))
			if body.most != tt.want {
				t.Errorf("the body was read by %d bytes, want %d", body.most, tt.want)
			}
			if c.head.buffer != nil {
				t.Error("the call kept the buffer")
			}
		})
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestBuffersAreWiped: nothing of an answer stays in a buffer that was given back.
func TestBuffersAreWiped(t *testing.T) {
	for _, events := range []bool{true, false} {
		c := &call{head: responseHead{length: -1, events: events}}
		buffer := (*responseBuffer)(c).Get()
		for i := range buffer {
			buffer[i] = 's'
		}
		(*responseBuffer)(c).Put(buffer)
		if i := strings.IndexByte(string(buffer), 's'); i >= 0 {
			t.Errorf("events %t: byte %d of %d was not wiped", events, i, len(buffer))
		}
	}
}
