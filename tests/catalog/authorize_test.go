package catalog_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/oauth/authorize"
	"github.com/vendgate/vendgate/vending"
)

const callback = "https://gate.example.com/connect/callback"

// TestAuthorizeURLs begins an authorization of each app that has a page of the provider's.
func TestAuthorizeURLs(t *testing.T) {
	w := newWire(t)
	w.provider.Answer(func(string) string {
		const form = "oauth_token=temporary&oauth_token_secret=hidden&oauth_callback_confirmed=true"
		return "HTTP/1.1 200 OK\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 77\r\n\r\n" + form
	})
	eachApp(t, func(t *testing.T, e entry, app *catalog.App) {
		if e.text("oauth2", "authorize_url") == "" && e.at("oauth1") == nil {
			return
		}
		values := e.values()
		client := connect.OAuthClient{ID: "client 1", Secret: vending.NewSecret("hidden")}
		if _, ok := values["client_id"]; ok {
			values["client_id"] = client.ID
		}
		var entered []vending.Field
		for _, item := range e.list("fields") {
			f := entry(item.(map[string]any))
			switch name := f.text("name"); f.text("from") {
			case "":
				entered = append(entered, vending.Field{Name: name, Value: values[name]})
			case "client":
				if name != "client_id" {
					client.Fields = append(client.Fields, connect.ClientField{Name: name, Value: vending.NewSecret(values[name])})
				}
			}
		}
		a := authorize.New(authorize.Options{
			Clients:   func(context.Context, string, string) (connect.OAuthClient, error) { return client, nil },
			Transport: func(*catalog.App) http.RoundTripper { return w.transport.Base },
		})
		request, err := a.Begin(t.Context(), "acme", app, callback, entered)
		if err != nil {
			t.Fatal(err)
		}
		got, err := url.Parse(request.URL)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(request.URL, "hidden") {
			t.Error("a secret is in the address")
		}
		if e.at("oauth1") != nil {
			w.checkTemporary(t, e, request, values)
			e.checkPage(t, got, fill(e.text("oauth1", "authorize_url"), values, url.PathEscape),
				withParams(e, "oauth1", url.Values{"oauth_token": {"temporary"}}))
			return
		}
		e.checkPage(t, got, fill(e.text("oauth2", "authorize_url"), values, url.PathEscape),
			e.wantedParams(client.ID, request))
	})
}

// wantedParams are the parameters of RFC 6749, section 4.1.1, and RFC 7636, section 4.3, as the
// entry wants them.
func (e entry) wantedParams(clientID string, r authorize.Request) url.Values {
	want := url.Values{"response_type": {"code"}, "redirect_uri": {callback}, "state": {r.State}}
	want.Set(cmp.Or(e.text("oauth2", "client_id_param"), "client_id"), clientID)
	var scopes []string
	for _, scope := range e.list("oauth2", "scopes") {
		scopes = append(scopes, scope.(string))
	}
	if len(scopes) > 0 {
		want.Set("scope", strings.Join(scopes, cmp.Or(e.text("oauth2", "scope_separator"), " ")))
	}
	if e.at("oauth2", "no_pkce") != true {
		var flow struct {
			CodeVerifier string `json:"code_verifier"`
		}
		if err := json.Unmarshal([]byte(r.FlowState.Reveal()), &flow); err != nil {
			panic(err)
		}
		digest := sha256.Sum256([]byte(flow.CodeVerifier))
		want.Set("code_challenge", base64.RawURLEncoding.EncodeToString(digest[:]))
		want.Set("code_challenge_method", "S256")
	}
	return withParams(e, "oauth2", want)
}

func withParams(e entry, kind string, want url.Values) url.Values {
	for name, value := range e.object(kind, "authorize_params") {
		want.Set(name, value.(string))
	}
	return want
}

// checkPage holds the address of the provider's page against the entry's, and its parameters
// against all that there must be.
func (e entry) checkPage(t *testing.T, got *url.URL, address string, want url.Values) {
	t.Helper()
	address, own, _ := strings.Cut(address, "?")
	if query, _ := url.ParseQuery(own); len(query) > 0 {
		for name := range query {
			want.Set(name, query.Get(name))
		}
	}
	sent := got.Query()
	if page := (&url.URL{Scheme: got.Scheme, Host: got.Host, Path: got.Path,
		RawPath: got.RawPath}).String(); page != address {
		t.Errorf("page\n got %s\nwant %s", page, address)
	}
	if sent.Encode() != want.Encode() {
		t.Errorf("parameters\n got %s\nwant %s", sent.Encode(), want.Encode())
	}
}

// checkTemporary looks at the request for temporary credentials (RFC 5849, section 2.1).
func (w *wire) checkTemporary(t *testing.T, e entry, r authorize.Request, values map[string]string) {
	t.Helper()
	got := w.provider.Got()
	if len(got) != 1 {
		t.Fatalf("the provider got %d requests", len(got))
	}
	u, err := url.Parse(fill(e.text("oauth1", "request_token_url"), values, nil))
	if err != nil {
		t.Fatal(err)
	}
	if line := "POST " + u.EscapedPath() + " HTTP/1.1\r\nHost: " + u.Host + "\r\n"; !strings.HasPrefix(got[0], line) {
		t.Errorf("request\n got %s\nwant %s", got[0], line)
	}
	if sent := url.QueryEscape(callback + "?state=" + r.State); !strings.Contains(got[0], `oauth_callback="`+sent+`"`) ||
		!strings.Contains(got[0], `oauth_signature="`) {
		t.Errorf("the callback is not asked for: %s", got[0])
	}
}
