package authorize

import (
	"bytes"
	"compress/gzip"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/vending"
)

// zipped is h with each answer in gzip, whatever the request accepts, as providers behind some
// caches answer.
func zipped(t *testing.T, h http.Handler) http.Handler {
	t.Helper()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		plain := httptest.NewRecorder()
		h.ServeHTTP(plain, r)
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write(plain.Body.Bytes()); err != nil {
			t.Errorf("compressing: %v", err)
		}
		if err := z.Close(); err != nil {
			t.Errorf("compressing: %v", err)
		}
		for name, values := range plain.Header() {
			w.Header()[name] = values
		}
		w.Header().Set("Content-Encoding", "gzip")
		w.WriteHeader(plain.Code)
		if _, err := w.Write(b.Bytes()); err != nil {
			t.Errorf("answering: %v", err)
		}
	})
}

// TestCompressedAnswers: the token, the account and OAuth 1's tokens are read though they come
// compressed, and none of the requests asked for that.
func TestCompressedAnswers(t *testing.T) {
	s := newStage(t, zipped(t, accounts{withEndpoint, whoAmI}), developed)
	query := url.Values{"code": {"c"}, "realmId": {"9130"}}
	g, err := s.Finish(t.Context(), tenant, s.captures(), redirectURI, vending.NewSecret("v"), query,
		fields("site", "acme"))
	if err != nil {
		t.Fatal(err)
	}
	want := fields("data_centre", "us9", "site", "acme", "realm", "9130", "account", "42", "name", "one")
	if v := g.Reveal(); v.AccessToken != "canary-access" || !reflect.DeepEqual(v.Fields, want) {
		t.Error("another grant than was granted")
	}
	signed := newStage(t, zipped(t, temporary))
	r, err := signed.Begin(t.Context(), tenant, signed.signs(), redirectURI, fields("site", "acme"))
	if err != nil || r.FlowState.Reveal() != temporaryState.Reveal() {
		t.Errorf("OAuth 1: %v, or another token than was given", err)
	}
	for _, call := range append(s.calls(), signed.calls()...) {
		if got := call.header["Accept-Encoding"]; !reflect.DeepEqual(got, []string{"identity"}) {
			t.Errorf("%s accepts %q", call.line, got)
		}
	}
}

// TestUnreadableCodings: what cannot be decoded is the provider's fault, not an account that it did
// not name.
func TestUnreadableCodings(t *testing.T) {
	brotli := answer{200, "canary", map[string]string{"Content-Encoding": "br"}}
	s := newStage(t, accounts{withEndpoint, brotli}, developed)
	query := url.Values{"code": {"c"}, "realmId": {"9130"}}
	_, err := s.Finish(t.Context(), tenant, s.captures(), redirectURI, vending.NewSecret("v"), query,
		fields("site", "acme"))
	var p *Error
	if !errors.As(err, &p) || p.Kind != Malformed || !strings.Contains(err.Error(), "it is br") {
		t.Errorf("capture: %v", err)
	}
	signed := newStage(t, brotli)
	_, err = signed.Begin(t.Context(), tenant, signed.signs(), redirectURI, fields("site", "acme"))
	if !errors.As(err, &p) || p.Kind != Malformed || !strings.Contains(err.Error(), "it is br") {
		t.Errorf("OAuth 1: %v", err)
	}
}

// TestVerifyAcceptsNoCoding reads the request by which an entered key is tried.
func TestVerifyAcceptsNoCoding(t *testing.T) {
	s := newStage(t, answer{200, "{}", nil})
	if _, err := s.FromFields(t.Context(), s.keyed(), fields("api_key", "canary")); err != nil {
		t.Fatal(err)
	}
	if got := s.calls(); len(got) != 1 || got[0].header.Get("Accept-Encoding") != "identity" {
		t.Errorf("the upstream got %+v", got)
	}
}
