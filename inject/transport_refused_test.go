package inject

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// sessions is an app whose provider refuses tokens in four ways.
func sessions(base string) *catalog.App {
	app := keyApp(base, headers("X-Key", "{api_key}"))
	app.Refused = []catalog.Refused{
		{Statuses: []int{403, 200}, Body: []string{"Bad_OAuth_Token"}},
		{Statuses: []int{404}, When: map[string]string{"X-Error": "token"}},
		{Statuses: []int{498}},
	}
	return app
}

// fieldsOf is a credential of keyApp.
func fieldsOf(key string) vending.Credential {
	return vending.NewFields("app", vending.APIKey,
		[]vending.Field{{Name: "api_key", Value: key}, {Name: "sub", Value: "acme"}})
}

// sendSession sends a request with an old key; a forced vend brings a new one.
func sendSession(t *testing.T, base, method, body string) (*http.Response, *Injection, int) {
	t.Helper()
	vends := 0
	inj, err := NewInjection(mustPlace(t, sessions(base)), fieldsOf("old"), "/", "", false,
		func(context.Context, vending.Credential) (vending.Credential, error) {
			vends++
			return fieldsOf("new"), nil
		})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(WithInjection(t.Context(), inj), method, "http://app/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	rt := &http.Transport{DisableCompression: true}
	t.Cleanup(rt.CloseIdleConnections)
	r.Header.Set("Accept-Encoding", "br;q=1, gzip, zstd, deflate;q=0.5")
	res, err := (&Transport{Base: rt}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	return res, inj, vends
}

func gzipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

// TestRefusedAnswers: what the app's entry calls a refused credential costs one forced vend and one
// replay, and anything else reaches the caller as it came.
func TestRefusedAnswers(t *testing.T) {
	long := strings.Repeat("{} ", 1<<16)
	for name, c := range map[string]struct {
		status  int
		header  string
		body    string
		refused bool
	}{
		"401":                       {401, "", "", true},
		"403 that says so":          {403, "", `[{"errorCode":"Bad_OAuth_Token"}]`, true},
		"in gzip":                   {403, "Content-Encoding: gzip", gzipped(`Bad_OAuth_Token`), true},
		"in gzip, long":             {403, "Content-Encoding: gzip", gzipped(`Bad_OAuth_Token` + long), true},
		"in a coding unknown":       {403, "Content-Encoding: br", `Bad_OAuth_Token`, false},
		"403 of another cause":      {403, "", `[{"errorCode":"INSUFFICIENT_ACCESS"}]`, false},
		"403, beyond the prefix":    {403, "", long + `Bad_OAuth_Token`, false},
		"403 without a body":        {403, "", "", false},
		"404 that says so":          {404, "X-Error: token", "gone", true},
		"404":                       {404, "X-Error: none", "gone", false},
		"498":                       {498, "", "", true},
		"200, short":                {200, "", `{"ok":false,"error":"Bad_OAuth_Token"}`, true},
		"200, long":                 {200, "", `Bad_OAuth_Token` + long, false},
		"400, which means no token": {400, "", `Bad_OAuth_Token`, false},
	} {
		t.Run(name, func(t *testing.T) {
			var keys []string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				keys = append(keys, r.Header.Get("X-Key"))
				if got := r.Header.Get("Accept-Encoding"); got != "gzip, deflate;q=0.5" {
					t.Errorf("the request accepts %q", got)
				}
				if r.Header.Get("X-Key") == "new" {
					_, _ = io.WriteString(w, "fine")
					return
				}
				name, value, _ := strings.Cut(c.header, ": ")
				if name != "" {
					w.Header().Set(name, value)
				}
				w.Header().Set("Content-Length", strconv.Itoa(len(c.body)))
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}))
			defer server.Close()
			res, inj, vends := sendSession(t, server.URL, http.MethodPost, "body")
			body, err := io.ReadAll(res.Body)
			want, calls := c.body, 1
			if c.refused {
				want, calls = "fine", 2
			}
			if err != nil || string(body) != want || len(keys) != calls || vends != calls-1 || inj.Refused() {
				t.Errorf("%d bytes, %v; keys %q after %d vends, refused %t", len(body), err, keys, vends, inj.Refused())
			}
			if !c.refused && (res.StatusCode != c.status || res.ContentLength != int64(len(c.body))) {
				t.Errorf("%d, length %d", res.StatusCode, res.ContentLength)
			}
		})
	}
}

// TestRefusedAgain: an answer that refuses the new credential as well is told from others.
func TestRefusedAgain(t *testing.T) {
	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		w.WriteHeader(403)
		_, _ = fmt.Fprint(w, "Bad_OAuth_Token ", calls)
	}))
	defer server.Close()
	res, inj, vends := sendSession(t, server.URL, http.MethodGet, "")
	body, _ := io.ReadAll(res.Body)
	if !inj.Refused() || inj.Ended() || inj.Refusal() != nil || string(body) != "Bad_OAuth_Token 2" || calls != 2 ||
		vends != 1 {
		t.Errorf("refused %t, %q after %d calls and %d vends", inj.Refused(), body, calls, vends)
	}
}

// TestStreamIsNotHeld: what is no short error is handed on as it comes, and a stalled error after a
// bounded wait, with what came before and what comes after it.
func TestStreamIsNotHeld(t *testing.T) {
	for name, status := range map[string]int{"a stream": 200, "a stalled error": 403} {
		t.Run(name, func(t *testing.T) {
			seen := make(chan struct{})
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				_, _ = io.WriteString(w, "first ")
				_ = http.NewResponseController(w).Flush()
				<-seen
				_, _ = io.WriteString(w, "Bad_OAuth_Token")
			}))
			defer server.Close()
			begun := time.Now()
			res, inj, vends := sendSession(t, server.URL, http.MethodGet, "")
			first := make([]byte, 6)
			_, err := io.ReadFull(res.Body, first)
			if took := time.Since(begun); err != nil || string(first) != "first " || took > prefixTimeout+5*time.Second {
				t.Errorf("%q, %v after %v", first, err, took)
			}
			close(seen)
			rest, err := io.ReadAll(res.Body)
			if err != nil || string(rest) != "Bad_OAuth_Token" || inj.Refused() || vends != 0 || res.StatusCode != status {
				t.Errorf("%d %q, %v, refused %t after %d vends", res.StatusCode, rest, err, inj.Refused(), vends)
			}
		})
	}
}

// TestTrailersBehindPrefix: the trailers of an error that was looked into arrive, however it ends.
func TestTrailersBehindPrefix(t *testing.T) {
	for name, announced := range map[string]bool{"announced": true, "not announced": false} {
		for _, length := range []int{10, 10 << 10} {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				trailer := http.TrailerPrefix + "X-Sum"
				if announced {
					w.Header().Set("Trailer", "X-Sum")
					trailer = "X-Sum"
				}
				w.WriteHeader(403)
				_, _ = io.WriteString(w, strings.Repeat("x", length))
				_ = http.NewResponseController(w).Flush()
				w.Header().Set(trailer, "17")
			}))
			res, _, _ := sendSession(t, server.URL, http.MethodGet, "")
			body, err := io.ReadAll(res.Body)
			if err != nil || len(body) != length || res.Trailer.Get("X-Sum") != "17" {
				t.Errorf("%s, %d bytes: got %d, %v, trailers %v", name, length, len(body), err, res.Trailer)
			}
			server.Close()
		}
	}
}
