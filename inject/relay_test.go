package inject

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

const pass = "pd-canary-pass"

// relayed is a credential whose relay keeps the bytes of the requests it gets in wire.
func relayed(wire *bytes.Buffer, status int) vending.Credential {
	return vending.NewRelayed("app", vending.APIKey, pass, func(r *http.Request) (*http.Response, error) {
		if err := r.Write(wire); err != nil {
			return nil, err
		}
		return &http.Response{StatusCode: status, Header: http.Header{}, Body: http.NoBody}, nil
	})
}

// direct fails for every request: a relayed one must not go out past its relay.
type direct struct{}

func (direct) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("the request went to the app itself")
}

// manyPlaces is an app with a placement in each kind of place that can be left out, and with values
// that stay.
func manyPlaces() *catalog.App {
	return keyApp("https://api.example.com/base", &catalog.Placement{
		Header:     map[string]string{"X-Key": "{api_key}", "X-Version": "2024-01-01", "X-Mixed": "v1 {sub}"},
		Query:      map[string]string{"key": "{api_key}", "format": "json"},
		Basic:      &catalog.Basic{Username: "{api_key}", Password: "x"},
		PathPrefix: "/v2",
	})
}

func TestRelayedRequest(t *testing.T) {
	var wire bytes.Buffer
	inj, err := NewInjection(mustPlace(t, manyPlaces()), relayed(&wire, http.StatusOK), "/a%2fb//c",
		"z=%zz&key=theirs&KEY[]=x&a=1;b", true, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(WithInjection(t.Context(), inj), http.MethodPost, "https://app/ignored",
		strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"Accept": "text/plain", "X-Key": "theirs", "x_key": "theirs", "X-Version": "theirs", "Authorization": "Bearer theirs",
		"Cookie":       "c=1",
		"X-User-Email": "a@b.example", "X-External-User-Id": "u1", "User-Agent": "sdk/1",
	} {
		r.Header[name] = []string{value}
	}
	res, err := (&Transport{Base: direct{}}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		t.Fatal(err)
	}
	const want = "POST /base/v2/a%2fb//c?z=%zz&a=1;b&format=json HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: " +
		"sdk/1\r\nContent-Length: 4\r\n" +
		"Accept: text/plain\r\nX-Version: 2024-01-01\r\n\r\nbody"
	if got := wire.String(); got != want {
		t.Errorf("the relay got\n%q, want\n%q", got, want)
	}
}

func TestRelayedPassIsScrubbed(t *testing.T) {
	inj, err := NewInjection(mustPlace(t, manyPlaces()), relayed(new(bytes.Buffer), 200), "/", "", false, nil)
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{"X-Echo": {"Bearer " + pass}}
	inj.CleanResponse(h)
	body := inj.ScrubBody([]byte(`{"seen":"`+pass+`"}`), 100, false)
	if h.Get("X-Echo") != "Bearer [redacted]" || body != `{"seen":"[redacted]"}` {
		t.Errorf("header %q, body %s", h.Get("X-Echo"), body)
	}
}

// TestUnrelayable: no request is half-built where it cannot be made without the credential.
func TestUnrelayable(t *testing.T) {
	for name, tt := range map[string]struct {
		app  *catalog.App
		want string
	}{
		"path prefix": {keyApp("https://api.example.com", &catalog.Placement{PathPrefix: "/bot{api_key}"}),
			"its path holds a part of the credential"},
		"slot": {keyApp("https://{sub}.example.com", headers("X-Key", "{api_key}")),
			"its host name is a part of the connection"},
		"signature": {
			&catalog.App{
				Slug: "app", AuthType: string(vending.APIKey), Upstream: "https://api.example.com",
				Fields: []catalog.Field{{Name: "api_key", Secret: true}},
				Sign:   &catalog.Sign{Scheme: "hmac", Hash: "sha256", Key: "{api_key}", Message: "{body}", Header: "X-Sign"},
			}, "its requests are signed with the credential",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewInjection(mustPlace(t, tt.app), relayed(new(bytes.Buffer), 200), "/", "", false, nil)
			e := vending.AsError(err)
			if err == nil || e.Code != vending.InternalError || e.Origin != vending.FromGateway || e.Err == nil ||
				!strings.Contains(e.Err.Error(), "app app cannot be relayed: "+tt.want) {
				t.Errorf("error %v", err)
			}
			if strings.Contains(e.Error()+e.Text(), pass) {
				t.Errorf("the pass is shown: %v", err)
			}
		})
	}
}

// TestRelayedRevend: a 401 through a relay is answered as any other, and each request goes the way
// of its own credential.
func TestRelayedRevend(t *testing.T) {
	for name, tt := range map[string]struct {
		fresh     func(wire *bytes.Buffer) vending.Credential
		relays    int
		directs   int
		plainAuth string
	}{
		"the same pass": {func(w *bytes.Buffer) vending.Credential { return relayed(w, 200) }, 1, 0, ""},
		"another pass": {func(w *bytes.Buffer) vending.Credential {
			return vending.NewRelayed("app", vending.APIKey, "other-pass", relayed(w, 200).Relay())
		}, 2, 0, ""},
		"vended this time": {func(*bytes.Buffer) vending.Credential {
			return testCredential("api_key", "vended", "sub", "s")
		}, 1, 1, "vended"},
	} {
		t.Run(name, func(t *testing.T) {
			var wire bytes.Buffer
			revend := func(context.Context, vending.Credential) (vending.Credential, error) { return tt.fresh(&wire), nil }
			inj, err := NewInjection(mustPlace(t, manyPlaces()), relayed(&wire, http.StatusUnauthorized), "/a", "", false,
				revend)
			if err != nil {
				t.Fatal(err)
			}
			r, err := http.NewRequestWithContext(WithInjection(t.Context(), inj), http.MethodGet, "https://app/", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			var sent []*http.Request
			base := vending.Relay(func(r *http.Request) (*http.Response, error) {
				sent = append(sent, r)
				return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(""))}, nil
			})
			res, err := (&Transport{Base: base}).RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			if n := strings.Count(wire.String(), "GET /base"); n != tt.relays || len(sent) != tt.directs {
				t.Errorf("%d requests through the relay, %d to the app", n, len(sent))
			}
			if tt.directs > 0 && sent[0].Header.Get("X-Key") != tt.plainAuth {
				t.Errorf("the credential was not placed: %q", sent[0].Header.Get("X-Key"))
			}
		})
	}
}

// TestRelayFindsHost: a host with a slot is the relay's to find, and no request goes out past it.
func TestRelayFindsHost(t *testing.T) {
	var wire bytes.Buffer
	app := keyApp("https://{sub}.example.com/base", headers("X-Key", "{api_key}"))
	inj, err := NewInjection(mustPlace(t, app), relayed(&wire, 200).ToAccountHost(), "/a%2fb//c", "z=%zz", true, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(WithInjection(t.Context(), inj), http.MethodGet, "https://app/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := (&Transport{Base: direct{}}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if got := wire.String(); !strings.HasPrefix(got, "GET /base/a%2fb//c?z=%zz HTTP/1.1\r\nHost: relayed.invalid\r\n") {
		t.Errorf("the relay got %q", got)
	}
	for _, c := range []struct{ raw, want string }{
		{"/base/next", "/proxy/c/app/next"},
		{"https://acme.example.com/base/next?p=2", "https://gw.example/proxy/c/app/next?p=2"},
		{"https://ACME.example.com:443/base/next", "https://gw.example/proxy/c/app/next"},
		{"https://a.b.example.com/base/next", "https://a.b.example.com/base/next"},
		{"https://.example.com/base/next", "https://.example.com/base/next"},
		{"https://example.com/base/next", "https://example.com/base/next"},
		{"https://acme.example.com.evil.example/base/next", "https://acme.example.com.evil.example/base/next"},
		{"https://acme.example.com:8443/base/next", "https://acme.example.com:8443/base/next"},
		{"https://u@acme.example.com/base/next", "https://u@acme.example.com/base/next"},
	} {
		if got := inj.rewriteURL(c.raw, testGateway); got != c.want {
			t.Errorf("%q became %q, want %q", c.raw, got, c.want)
		}
	}
	// Where the whole host is a field, a link may lead to anybody's.
	whole := keyApp("https://{sub}", headers("X-Key", "{api_key}"))
	whole.Fields[1].Kind = catalog.KindHost
	if inj, err = NewInjection(mustPlace(t, whole), relayed(&wire, 200).ToAccountHost(), "/x", "", false,
		nil); err != nil {
		t.Fatal(err)
	}
	if got := inj.rewriteURL("https://evil.example/a", testGateway); got != "https://evil.example/a" {
		t.Errorf("a link became %q", got)
	}
	if _, err := NewInjection(mustPlace(t, app), vending.NewFields("app", vending.APIKey, nil).ToAccountHost(), "/", "",
		false, nil); err == nil {
		t.Error("a credential without a relay found its host")
	}
}
