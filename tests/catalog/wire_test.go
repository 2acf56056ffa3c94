package catalog_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/inject"
	"github.com/vendgate/vendgate/tests/harness"
)

var fieldsExpiry = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// TestCalls sends a call of each app through the injecting transport to a real socket, with a
// caller who tries to set whatever the placement sets.
func TestCalls(t *testing.T) {
	w := newWire(t)
	eachApp(t, func(t *testing.T, e entry, app *catalog.App) {
		want := e.expect(e.values())
		const path, query = "/some/p%61th", "x=1&y=%20z"
		want.target = want.base + path + "?" + join(query, want.query)
		w.sends(t, e, app, path, query, want)
		for _, host := range e.list("extra_hosts") {
			extra := want
			extra.host = strings.ReplaceAll(host.(string), "*", "x1") // a pattern of hosts
			extra.target = path + "?" + join(query, want.query)
			w.sends(t, e, app, "/~"+extra.host+path, query, extra)
		}
	})
}

// TestVerifies sends the verify request of each app that has one.
func TestVerifies(t *testing.T) {
	w := newWire(t)
	eachApp(t, func(t *testing.T, e entry, app *catalog.App) {
		if e.at("verify") == nil {
			return
		}
		values := e.values()
		want := e.expect(values)
		if host := e.text("verify", "host"); host != "" {
			want.host, want.base = host, ""
		}
		path, query, hasQuery := strings.Cut(e.text("verify", "path"), "?")
		want.target = want.base + fill(path, values, url.PathEscape)
		if query = join(fill(query, values, url.QueryEscape), want.query); query != "" || hasQuery {
			want.target += "?" + query
		}
		if method := e.text("verify", "method"); method != "" {
			want.method = method
		}
		for name, value := range e.object("verify", "headers") {
			want.headers[textproto.CanonicalMIMEHeaderKey(name)] = fill(value.(string), values, nil)
		}
		want.body = fill(e.text("verify", "body"), values, nil)
		p, err := inject.NewPlacement(app)
		if err != nil {
			t.Fatal(err)
		}
		r, err := p.Verify(context.Background(), e.credential(values))
		if err != nil {
			t.Fatal(err)
		}
		w.check(t, r, want)
	})
}

// expectation is what must go over the wire.
type expectation struct {
	method, host, base, target, body string
	query                            string
	headers                          map[string]string
	// signature is the header with the signature, if there is one. Other tests hold signatures against
	// servers.
	signature string
}

// expect derives the place of the credential from the entry alone.
func (e entry) expect(values map[string]string) expectation {
	authority, base, _ := strings.Cut(strings.TrimPrefix(e.text("upstream"), "https://"), "/")
	w := expectation{method: "GET", host: fill(authority, values, nil), headers: map[string]string{}}
	if base = strings.TrimSuffix(base, "/"); base != "" {
		w.base = "/" + base
	}
	w.base += fill(e.text("placement", "path_prefix"), values, url.PathEscape)
	for name, template := range e.object("placement", "header") {
		w.headers[textproto.CanonicalMIMEHeaderKey(name)] = fill(template.(string), values, nil)
	}
	var query []string
	for _, name := range slices.Sorted(maps.Keys(e.object("placement", "query"))) {
		query = append(query, url.QueryEscape(name)+"="+fill(e.text("placement", "query", name), values, url.QueryEscape))
	}
	w.query = strings.Join(query, "&")
	if basic := e.object("placement", "basic"); basic != nil {
		w.headers["Authorization"] = basicOf(fill(basic["username"].(string), values, nil),
			fill(basic["password"].(string), values, nil))
	}
	if e.at("sign") != nil || e.at("oauth1") != nil {
		w.signature = "Authorization"
		if name := e.text("sign", "header"); name != "" {
			w.signature = textproto.CanonicalMIMEHeaderKey(name)
		}
	}
	if e.at("placement") == nil && w.signature == "" {
		switch e.text("auth_type") {
		case "o_auth":
			w.headers["Authorization"] = "Bearer " + token
		case "basic":
			w.headers["Authorization"] = basicOf(values["username"], values["password"])
		}
	}
	for name, value := range e.object("headers") {
		w.headers[textproto.CanonicalMIMEHeaderKey(name)] = value.(string)
	}
	return w
}

func basicOf(username, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(username+":"+password))
}

func join(a, b string) string { return strings.Trim(a+"&"+b, "&") }

// wire is a provider that is every host: what is dialled as TLS comes to it in the clear.
type wire struct {
	provider  *harness.Upstream
	transport *inject.Transport
	dialled   string
}

func newWire(t *testing.T) *wire {
	w := &wire{provider: harness.NewUpstream(t, harness.OK)}
	base := &http.Transport{DisableKeepAlives: true, DisableCompression: true}
	base.DialTLSContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		w.dialled = addr
		return new(net.Dialer).DialContext(ctx, network, w.provider.Addr)
	}
	w.transport = &inject.Transport{Base: base}
	return w
}

// sends makes a call of a hostile caller and checks it.
func (w *wire) sends(t *testing.T, e entry, app *catalog.App, path, query string, want expectation) {
	t.Helper()
	p, err := inject.NewPlacement(app)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(e.object("placement", "query"))) {
		query += "&" + url.QueryEscape(name) + "=evil"
	}
	x, err := inject.NewInjection(p, e.credential(e.values()), path, query, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(inject.WithInjection(context.Background(), x), want.method,
		"http://gateway.example/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Authorization": {"Bearer evil"}, "Cookie": {"evil=1"}, "X-User-Email": {"evil@example.com"},
		"X-Kept": {"yes"}}
	for name := range e.object("placement", "header") {
		r.Header.Add(name, "evil")
		r.Header[strings.ReplaceAll(strings.ToLower(name), "-", "_")] = []string{"evil"}
	}
	want.headers = maps.Clone(want.headers)
	want.headers["X-Kept"] = "yes"
	w.check(t, r, want)
}

// check sends r and holds what arrives, byte for byte, against want.
func (w *wire) check(t *testing.T, r *http.Request, want expectation) {
	t.Helper()
	res, err := w.transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	got := w.provider.Got()
	if len(got) != 1 {
		t.Fatalf("the provider got %d requests", len(got))
	}
	head, body, _ := strings.Cut(got[0], "\r\n\r\n")
	line, rest, _ := strings.Cut(head, "\r\n")
	if wanted := fmt.Sprintf("%s %s HTTP/1.1", want.method, want.target); line != wanted {
		t.Errorf("request line\n got %s\nwant %s", line, wanted)
	}
	address := want.host
	if !strings.Contains(address, ":") {
		address += ":443"
	}
	if w.dialled != address {
		t.Errorf("dialled %s, want %s", w.dialled, address)
	}
	w.checkHeaders(t, rest, want)
	if body != want.body {
		t.Errorf("body\n got %s\nwant %s", body, want.body)
	}
	if strings.Contains(got[0], "evil") {
		t.Errorf("what the caller set came through: %s", got[0])
	}
}

func (w *wire) checkHeaders(t *testing.T, head string, want expectation) {
	t.Helper()
	seen := map[string]string{}
	for line := range strings.SplitSeq(head, "\r\n") {
		name, value, _ := strings.Cut(line, ": ")
		if _, twice := seen[name]; twice {
			t.Errorf("%s is there twice", name)
		}
		seen[name] = value
	}
	if seen["Host"] != want.host {
		t.Errorf("Host %q, want %q", seen["Host"], want.host)
	}
	for name, value := range want.headers {
		if seen[name] != value {
			t.Errorf("%s: %q, want %q", name, seen[name], value)
		}
	}
	if want.signature != "" && seen[want.signature] == "" {
		t.Error("the request is not signed")
	}
	// A second Authorization would be the caller's or a mistake.
	if value, ok := seen["Authorization"]; ok && want.signature != "Authorization" && want.headers["Authorization"] == "" {
		t.Errorf("Authorization %q where none belongs", value)
	}
}
