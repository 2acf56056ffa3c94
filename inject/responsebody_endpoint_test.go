package inject

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/internal/sse"
)

// streamOf is the answer of an MCP server whose SSE endpoint is /v1/sse, as it reaches the caller.
func streamOf(t *testing.T, body io.Reader, change func(*http.Response)) *http.Response {
	t.Helper()
	app := keyApp("https://mcp.example.com/v1", &catalog.Placement{Query: map[string]string{"key": "{api_key}"}})
	p, err := NewPlacement(app)
	if err != nil {
		t.Fatal(err)
	}
	inj, err := NewInjection(p, testCredential("api_key", "sk-123456"), "/sse", "", false, nil)
	if err != nil {
		t.Fatal(err)
	}
	res := &http.Response{
		StatusCode: http.StatusOK, ContentLength: 7, Body: io.NopCloser(body), Request: &http.Request{Method: http.MethodGet},
		Header: http.Header{"Content-Type": {"text/event-stream; charset=utf-8"}, "Content-Length": {"7"}},
	}
	if change != nil {
		change(res)
	}
	inj.RewriteEndpoint(res, func() Gateway { return Gateway{Origin: "https://gw.example", Path: "/proxy/c1/app"} })
	return res
}

const gwMessages = "https://gw.example/proxy/c1/app/messages?s=1"

// TestRewriteEndpoint: whole, and byte by byte.
func TestRewriteEndpoint(t *testing.T) {
	const rest = "event: message\ndata: https://mcp.example.com/v1/x\n\nevent: endpoint\ndata: " +
		"https://mcp.example.com/v1/y\n\n"
	const from = "https://mcp.example.com/v1/messages?s=1"
	for name, tt := range map[string]struct{ first, want string }{
		"absolute": {"event: endpoint\ndata: " + from + "\n\n", "event: endpoint\ndata: " + gwMessages + "\n\n"},
		"CR LF": {"event: endpoint\r\ndata: " + from + "\r\n\r\n",
			"event: endpoint\r\ndata: " + gwMessages + "\r\n\r\n"},
		"mixed ends": {"event: endpoint\ndata: " + from + "\r\n\r\n",
			"event: endpoint\ndata: " + gwMessages + "\r\n\r\n"},
		"CR":       {"event: endpoint\rdata: " + from + "\r\r", "event: endpoint\rdata: " + gwMessages + "\r\r"},
		"no space": {"event:endpoint\ndata:" + from + "\n\n", "event:endpoint\ndata:" + gwMessages + "\n\n"},
		"data first": {"data: " + from + "\nid: 1\nevent: endpoint\n\n",
			"data: " + gwMessages + "\nid: 1\nevent: endpoint\n\n"},
		"comments before": {": hello\n\n:\nretry: 10\n\nevent: endpoint\n: x\ndata: " + from + "\n\n",
			": hello\n\n:\nretry: 10\n\nevent: endpoint\n: x\ndata: " + gwMessages + "\n\n"},
		"byte order mark": {"\uFEFFevent: endpoint\ndata: " + from + "\n\n",
			"\uFEFFevent: endpoint\ndata: " + gwMessages + "\n\n"},
		"mark within": {"\n\uFEFFevent: endpoint\ndata: " + from + "\n\n",
			"\n\uFEFFevent: endpoint\ndata: " + from + "\n\n"},
		"long comments": {strings.Repeat(": "+strings.Repeat("x", sse.MaxEvent/2)+"\n", 3) + "event: endpoint\ndata: " +
			from + "\n\n", strings.Repeat(": "+strings.Repeat("x", sse.MaxEvent/2)+"\n", 3) + "event: endpoint\ndata: " +
			gwMessages + "\n\n"},
		"a path": {"event: endpoint\ndata: /v1/messages?s=1\n\n",
			"event: endpoint\ndata: /proxy/c1/app/messages?s=1\n\n"},
		"relative": {"event: endpoint\ndata: messages?s=1\n\n", "event: endpoint\ndata: messages?s=1\n\n"},
		"with the key": {"event: endpoint\ndata: " + from + "&key=sk-123456\n\n",
			"event: endpoint\ndata: " + gwMessages + "\n\n"},
		"another host": {"event: endpoint\ndata: https://evil.example/m\n\n",
			"event: endpoint\ndata: https://evil.example/m\n\n"},
		"beyond the app": {"event: endpoint\ndata: https://gw.example/platform/v1/x\n\n", "event: endpoint\ndata: \n\n"},
		"two lines of data": {"event: endpoint\ndata: " + from + "\ndata: x\n\n",
			"event: endpoint\ndata: " + from + "\ndata: x\n\n"},
		"another event": {"event: endpoints\ndata: " + from + "\n\n", "event: endpoints\ndata: " + from + "\n\n"},
		"no name":       {"data: " + from + "\n\n", "data: " + from + "\n\n"},
		"JSON":          {"data: {\"event: endpoint\": 1}\n\n", "data: {\"event: endpoint\": 1}\n\n"},
		"without data":  {"event: endpoint\n\n", "event: endpoint\n\n"},
		"too long": {"event: endpoint\ndata: " + from + strings.Repeat("x", sse.MaxEvent) + "\n\n",
			"event: endpoint\ndata: " + from + strings.Repeat("x", sse.MaxEvent) + "\n\n"},
		"empty": {"\n\n", "\n\n"},
	} {
		t.Run(name, func(t *testing.T) {
			want := tt.want + rest
			for kind, r := range map[string]io.Reader{
				"whole":           strings.NewReader(tt.first + rest),
				"byte by byte":    iotest.OneByteReader(strings.NewReader(tt.first + rest)),
				"halves":          iotest.HalfReader(strings.NewReader(tt.first + rest)),
				"error with data": iotest.DataErrReader(strings.NewReader(tt.first + rest)),
			} {
				res := streamOf(t, r, nil)
				got, err := io.ReadAll(bufio.NewReaderSize(res.Body, 32<<10))
				if err != nil || string(got) != want {
					t.Errorf("%s: %v %.500q\nwant %.500q", kind, err, got, want)
				}
				if res.ContentLength != -1 || res.Header.Get("Content-Length") != "" {
					t.Errorf("%s: the old length stands", kind)
				}
			}
		})
	}
}

// TestEndpointStreams: nothing waits but an event that may be the endpoint, and a stream that
// breaks off ends as it did, with all that came.
func TestEndpointStreams(t *testing.T) {
	for name, tt := range map[string]struct{ sent, want string }{
		"comment":       {": hi\n", ": hi\n"},
		"JSON, begun":   {"data: {", "data: {"},
		"text, begun":   {"data: tick", "data: tick"},
		"other event":   {"event: mess", "event: mess"},
		"no field":      {"one\n", "one\n"},
		"no line":       {"one", "one"},
		"id":            {"id: 1\n: hi\nretry: 1\n", "id: 1\n: hi\nretry: 1\n"},
		"second block":  {"retry: 1\n\ndata: [1", "retry: 1\n\ndata: [1"},
		"whole event":   {"event: endpoint\ndata: /v1/m\n\n", "event: endpoint\ndata: /proxy/c1/app/m\n\n"},
		"ended by CR":   {"event: endpoint\rdata: /v1/m\r\r", "event: endpoint\rdata: /proxy/c1/app/m\r\r"},
		"and beginning": {"event: endpoint\ndata: /v1/m\n\nda", "event: endpoint\ndata: /proxy/c1/app/m\n\nda"},
	} {
		t.Run(name, func(t *testing.T) {
			r, w := io.Pipe()
			res := streamOf(t, r, nil)
			go func() { _, _ = io.WriteString(w, tt.sent) }() // and then it is silent
			got := make([]byte, len(tt.want))
			if _, err := io.ReadFull(res.Body, got); err != nil || string(got) != tt.want {
				t.Errorf("%v %q", err, got)
			}
			_ = w.Close()
		})
	}
	broken := errors.New("broken")
	res := streamOf(t, io.MultiReader(strings.NewReader("event: endpoint\ndata: /v1"), iotest.ErrReader(broken)), nil)
	if got, err := io.ReadAll(res.Body); !errors.Is(err, broken) || string(got) != "event: endpoint\ndata: /v1" {
		t.Errorf("%v %q", err, got)
	}
}

// TestNoEndpoint: other answers are not looked at.
func TestNoEndpoint(t *testing.T) {
	for name, change := range map[string]func(*http.Response){
		"POST":   func(r *http.Response) { r.Request.Method = http.MethodPost },
		"JSON":   func(r *http.Response) { r.Header.Set("Content-Type", "application/json") },
		"gzip":   func(r *http.Response) { r.Header.Set("Content-Encoding", "gzip") },
		"a part": func(r *http.Response) { r.StatusCode = http.StatusPartialContent },
	} {
		t.Run(name, func(t *testing.T) {
			res := streamOf(t, strings.NewReader("event: endpoint\ndata: /v1/m\n\n"), change)
			if got, err := io.ReadAll(res.Body); err != nil || string(got) != "event: endpoint\ndata: /v1/m\n\n" ||
				res.ContentLength != 7 {
				t.Errorf("%v %q", err, got)
			}
		})
	}
}

// TestStreamsAreAskedPlain: a GET for a stream of events is answered without a coding, in which an
// endpoint could not be seen. What else is asked for keeps the codings that the caller takes.
func TestStreamsAreAskedPlain(t *testing.T) {
	p := mustPlace(t,
		keyApp("https://mcp.example.com", &catalog.Placement{Header: map[string]string{"X-Key": "{api_key}"}}))
	for name, tt := range map[string]struct{ method, accept, codings, want string }{
		"stream":     {http.MethodGet, "Text/Event-Stream", "gzip, br", "identity"},
		"of several": {http.MethodGet, "application/json, text/event-stream;q=0.5", "gzip, br", "identity"},
		"none asked": {http.MethodGet, "text/event-stream", "", ""},
		"JSON":       {http.MethodGet, "application/json", "gzip, br", "gzip, br"},
		"POST":       {http.MethodPost, "text/event-stream", "gzip, br", "gzip, br"},
	} {
		t.Run(name, func(t *testing.T) {
			inj, err := NewInjection(p, testCredential("api_key", "sk-123456"), "/sse", "", false, nil)
			if err != nil {
				t.Fatal(err)
			}
			r := &http.Request{Method: tt.method, Header: http.Header{"Accept": {tt.accept}}}
			if tt.codings != "" {
				r.Header.Set("Accept-Encoding", tt.codings)
			}
			out, err := inj.request(r, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			if got := out.Header.Get("Accept-Encoding"); got != tt.want {
				t.Errorf("Accept-Encoding is %q, want %q", got, tt.want)
			}
			if got := r.Header.Get("Accept-Encoding"); got != tt.codings {
				t.Errorf("the caller's own became %q", got)
			}
		})
	}
}

// FuzzEndpoint: how a stream arrives makes no difference.
func FuzzEndpoint(f *testing.F) {
	f.Add("event: endpoint\r\ndata: https://mcp.example.com/v1/m\r\n\r\n")
	f.Add("\uFEFF: x\r\n\r\nid: 1\rdata: /v1/m\revent: endpoint\r\rx")
	f.Fuzz(func(t *testing.T, text string) {
		whole, err := io.ReadAll(bufio.NewReaderSize(streamOf(t, strings.NewReader(text), nil).Body, 64<<10))
		if err != nil {
			t.Fatal(err)
		}
		bytewise, err := io.ReadAll(streamOf(t, iotest.OneByteReader(strings.NewReader(text)), nil).Body)
		if err != nil || string(bytewise) != string(whole) {
			t.Errorf("%q became %q, and %v %q byte by byte", text, whole, err, bytewise)
		}
	})
}
