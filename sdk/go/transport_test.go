package vendgate_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"

	vendgate "github.com/vendgate/vendgate/sdk/go"
)

// mustRefuse wants err to be a refusal for a reason, without the key.
func mustRefuse(t *testing.T, err error, reason vendgate.Reason) {
	t.Helper()
	var refused *vendgate.RefusedError
	if !errors.As(err, &refused) || refused.Reason != reason || strings.Contains(err.Error(), key) {
		t.Errorf("got %v, want it refused as %s", err, reason)
	}
}

// body notes that it was closed.
type body struct {
	io.Reader
	closed chan struct{}
}

func newBody(text string) *body { return &body{strings.NewReader(text), make(chan struct{})} }

func (b *body) Close() error {
	close(b.closed)
	return nil
}

func TestRoundTrip(t *testing.T) {
	g := startGateway(t, tellHosts, nil)
	o := g.options()
	o.Errors = "passthrough"
	r, err := http.NewRequestWithContext(contextOf(t), http.MethodPost, "https://api.acme.example/v1/a%2fb?x=%7E&y",
		newBody("Größe? 🐘"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Authorization": {"Bearer placeholder"}, "x-vendgate-key": {"k"},
		"X-User-Email": {"bob@example.com"}, "X-Trace": {"7"}}
	before := r.Header.Clone()
	response, err := clientOf(t, o).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.Request.URL.Host != "api.acme.example" || !reflect.DeepEqual(r.Header, before) ||
		r.URL.Host != "api.acme.example" {
		t.Errorf("the request was changed: %v %v", r.URL, r.Header)
	}
	calls := g.took()
	if len(calls) != 1 || calls[0].Line != "POST /proxy/conn_1/acme/a%2fb?x=%7E&y" || calls[0].Body != "Größe? 🐘" {
		t.Fatalf("got %+v", calls)
	}
	for name, want := range map[string][]string{
		"Authorization": {"Bearer " + key}, "X-Vendgate-Key": nil, "X-User-Email": {alice}, "X-Trace": {"7"},
		"Vendgate-Errors": {"passthrough"},
	} {
		if got := calls[0].Header[name]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestRefusals(t *testing.T) {
	g := startGateway(t, tellHosts, nil)
	client := clientOf(t, g.options())
	for raw, reason := range map[string]vendgate.Reason{
		"https://evil.example/v1/x":          vendgate.ReasonHost,
		"http://api.acme.example/v1/x":       vendgate.ReasonHost,
		"https://api.acme.example:8443/v1/x": vendgate.ReasonHost,
		"https://api.acme.example/other":     vendgate.ReasonPath,
		"https://api.acme.example/v1/../x":   vendgate.ReasonDots,
		"https://u:p@api.acme.example/v1/x":  vendgate.ReasonURL,
		g.URL + "/platform/v1/apps":          vendgate.ReasonGateway,
	} {
		b := newBody("x")
		r, err := http.NewRequestWithContext(contextOf(t), http.MethodPost, raw, b)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(r)
		if err == nil {
			_ = response.Body.Close()
		}
		mustRefuse(t, err, reason)
		<-b.closed
	}
	if calls := g.took(); len(calls) != 0 {
		t.Errorf("the gateway got %+v", calls)
	}
}

func TestRedirects(t *testing.T) {
	elsewhere := startGateway(t, tellHosts, nil)
	var leads string
	g := startGateway(t, tellHosts, func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.RequestURI, "next") {
			w.Header().Set("Location", leads)
			w.WriteHeader(http.StatusTemporaryRedirect)
		}
	})
	client := clientOf(t, g.options())
	post := func() error {
		r, err := http.NewRequestWithContext(contextOf(t), http.MethodPost, "https://api.acme.example/v1/x",
			strings.NewReader("text"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Api-Key", "placeholder")
		response, err := client.Do(r)
		if err == nil {
			_ = response.Body.Close()
		}
		return err
	}
	for location, want := range map[string]string{
		"/proxy/conn_1/acme/next?page=2":           "POST /proxy/conn_1/acme/next?page=2",
		g.URL + "/proxy/conn_1/acme/next":          "POST /proxy/conn_1/acme/next",
		"next":                                     "POST /proxy/conn_1/acme/next",
		"https://files.acme.example/next?a=1#frag": "POST /proxy/conn_1/acme/~files.acme.example/next?a=1",
	} {
		leads = location
		if err := post(); err != nil {
			t.Errorf("%s: %v", location, err)
			continue
		}
		calls := g.took()
		if last := calls[len(calls)-1]; last.Line != want || last.Body != "text" ||
			last.Header.Get("Authorization") != "Bearer "+key || last.Header.Get("X-User-Email") != alice {
			t.Errorf("%s: %+v", location, last)
		}
	}
	for location, reason := range map[string]vendgate.Reason{
		elsewhere.URL + "/next": vendgate.ReasonHost,
		strings.Replace(g.URL, "127.0.0.1", "localhost", 1) + "/x": vendgate.ReasonHost,
		g.URL + "/proxy/conn_2/acme/next":                          vendgate.ReasonGateway,
		"/proxy/conn_2/acme/next":                                  vendgate.ReasonPath,
	} {
		leads = location
		mustRefuse(t, post(), reason)
	}
	if calls := elsewhere.took(); len(calls) != 0 {
		t.Errorf("another host got %+v", calls)
	}
}

func TestHostsAreLearnedOnce(t *testing.T) {
	began, release := make(chan struct{}, 1), make(chan struct{})
	g := startGateway(t, func(path string) (int, any) {
		began <- struct{}{}
		<-release
		return tellHosts(path)
	}, nil)
	client := clientOf(t, g.options())
	get := func(ctx context.Context) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://api.acme.example/v1/x", nil)
		if err != nil {
			return err
		}
		response, err := client.Do(r)
		if err != nil {
			return err
		}
		return response.Body.Close()
	}
	var waiting sync.WaitGroup
	for i := 0; i < 20; i++ {
		waiting.Add(1)
		go func() {
			defer waiting.Done()
			if err := get(context.Background()); err != nil {
				t.Error(err)
			}
		}()
	}
	<-began
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if err := get(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("one that is gone got %v", err)
	}
	close(release)
	waiting.Wait()
	if len(g.asked) != 1 || len(g.took()) != 20 {
		t.Errorf("asked %q", g.asked)
	}
}

func TestHostsThatAreNotTold(t *testing.T) {
	code := func(code string) any { return map[string]string{"code": code} }
	answers := []struct {
		status int
		data   any
		want   string
	}{
		{401, code("invalid_tenant_key"), "invalid_tenant_key: told"},
		{403, code("capability_disabled"), "set Hosts, or grant its tenant the capability apps"},
		{404, code("unknown_app"), "caller key must be one that may call it"},
		{404, code("not_found"), "without the Platform API"},
		{200, map[string]any{}, "update it, or set Hosts"}, {200, map[string]any{"hosts": acme}, ""},
	}
	next := 0
	g := startGateway(t, func(string) (int, any) {
		next++
		return answers[next-1].status, answers[next-1].data
	}, nil)
	client := clientOf(t, g.options())
	for _, answer := range answers {
		response, err := client.Get("https://api.acme.example/v1/x")
		if err == nil {
			_ = response.Body.Close()
		}
		if (answer.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), answer.want) {
			t.Errorf("%d: %v, want %q", answer.status, err, answer.want)
		}
	}
	if calls := g.took(); len(calls) != 1 {
		t.Errorf("got %+v", calls)
	}
}

func TestFieldsOfTheConnection(t *testing.T) {
	zendesk := []vendgate.Host{{Host: "{subdomain}.zendesk.com",
		Slots: map[string]vendgate.Slot{"subdomain": {Kind: "label"}}}}
	status := http.StatusOK
	told := func(path string) (int, any) {
		if strings.HasPrefix(path, "/apps/") {
			return http.StatusOK, map[string]any{"hosts": zendesk}
		}
		return status, map[string]any{"fields": map[string]string{"subdomain": "acme"}}
	}
	g := startGateway(t, told, nil)
	get := func(client *http.Client, raw string) error {
		response, err := client.Get(raw)
		if err == nil {
			_ = response.Body.Close()
		}
		return err
	}
	known := clientOf(t, g.options())
	if err := get(known, "https://acme.zendesk.com/x"); err != nil {
		t.Error(err)
	}
	mustRefuse(t, get(known, "https://other.zendesk.com/x"), vendgate.ReasonAccount)
	for status = range map[int]bool{http.StatusForbidden: true, http.StatusNotFound: true} {
		if err := get(clientOf(t, g.options()), "https://other.zendesk.com/x"); err != nil {
			t.Error(err)
		}
	}
	o := g.options()
	o.Hosts, o.Fields = zendesk, map[string]string{"subdomain": "acme"}
	g.asked = nil
	mustRefuse(t, get(clientOf(t, o), "https://other.zendesk.com/x"), vendgate.ReasonAccount)
	if len(g.asked) != 0 {
		t.Errorf("asked %q", g.asked)
	}
}

func TestOptions(t *testing.T) {
	good := vendgate.Options{Gateway: "https://gw.example", Key: key, Connection: "conn_1", App: "acme"}
	for name, change := range map[string]func(*vendgate.Options){
		"plain http":    func(o *vendgate.Options) { o.Gateway = "http://gw.example" },
		"no gateway":    func(o *vendgate.Options) { o.Gateway = "" },
		"a query":       func(o *vendgate.Options) { o.Gateway += "?x=1" },
		"user info":     func(o *vendgate.Options) { o.Gateway = "https://u@gw.example" },
		"no key":        func(o *vendgate.Options) { o.Key = "" },
		"a line break":  func(o *vendgate.Options) { o.Key += "\n" },
		"no connection": func(o *vendgate.Options) { o.Connection = "" },
		"dots":          func(o *vendgate.Options) { o.App = ".." },
		"errors":        func(o *vendgate.Options) { o.Errors = "mapped" },
	} {
		o := good
		change(&o)
		if _, err := vendgate.New(o); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	for _, gateway := range []string{"https://gw.example/behind/", "http://127.0.0.1:8080", "http://localhost",
		"http://[::1]:80"} {
		o := good
		o.Gateway = gateway
		if _, err := vendgate.New(o); err != nil {
			t.Error(err)
		}
	}
}

func TestAppHosts(t *testing.T) {
	g := startGateway(t, tellHosts, nil)
	o := g.options()
	hosts, err := vendgate.AppHosts(contextOf(t), vendgate.Options{Gateway: g.URL, Key: "pk_live_x", App: "acme"})
	if err != nil || !reflect.DeepEqual(hosts, acme) {
		t.Fatalf("%+v, %v", hosts, err)
	}
	o.Hosts = hosts
	response, err := clientOf(t, o).Get("https://files.acme.example/x")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if len(g.asked) != 1 {
		t.Errorf("asked %q", g.asked)
	}
}

// contextOf ends with the test.
func contextOf(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	return ctx
}

// TestNothingShowsTheKey: programs print what they hold.
func TestNothingShowsTheKey(t *testing.T) {
	o := vendgate.Options{Gateway: "https://gw.example", Key: key, Email: alice, Connection: "conn_1", App: "acme"}
	transport, err := vendgate.New(o)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: transport}
	for _, verb := range []string{"%s", "%v", "%+v", "%#v"} {
		for _, shown := range []any{o, &o, transport, client, *client} {
			if text := fmt.Sprintf(verb, shown); strings.Contains(text, key) || strings.Contains(text, alice) {
				t.Errorf("%s shows %s", verb, text)
			}
		}
	}
}

// TestRequestWithoutHeader: only http.Client makes a missing header.
func TestRequestWithoutHeader(t *testing.T) {
	g := startGateway(t, tellHosts, nil)
	transport, err := vendgate.New(g.options())
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse("https://api.acme.example/v1/x")
	if err != nil {
		t.Fatal(err)
	}
	response, err := transport.RoundTrip(&http.Request{Method: http.MethodGet, URL: u})
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("answered %d", response.StatusCode)
	}
}
