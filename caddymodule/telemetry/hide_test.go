package telemetry

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/inject"
	"github.com/vendgate/vendgate/policy"
)

// shownLog knows one app, bot, with a key in a header, the query and the path.
func shownLog(t *testing.T) *AccessLog {
	t.Helper()
	p, err := inject.NewPlacement(&catalog.App{
		Slug: "bot", AuthType: "api_key", Upstream: "https://api.example.com",
		Fields: []catalog.Field{{Name: "token", Secret: true}},
		Placement: &catalog.Placement{Header: map[string]string{"X-API-Key": "{token}"},
			Query: map[string]string{"key": "{token}"}, PathPrefix: "/bot{token}"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &AccessLog{Calls: "/proxy/", Placement: func(app string) *inject.Placement {
		if app != "bot" {
			return nil
		}
		return p
	}}
}

// TestHide: what Caddy tells of a call after it is over, by placeholders and in its span, has
// nothing of what is where the app's SDK puts its key.
func TestHide(t *testing.T) {
	l, key := shownLog(t), "ck_"+strings.Repeat("aZ0", 14)+"x"
	for _, c := range []struct{ uri, header, secret, uriTold, pathTold string }{
		{"/proxy/c/bot/bot" + key + "/getMe?a=b", "", key, "/proxy/c/bot/getMe?a=b", "/proxy/c/bot/getMe"},
		{"/proxy/c/bot/bot77:AAsecret/getMe", "", "AAsecret", "/proxy/c/bot/REDACTED/getMe", "/proxy/c/bot/REDACTED/getMe"},
		{"/proxy/c/bot/x?key=" + key + "&a=b", "", key, "/proxy/c/bot/x?key=REDACTED&a=b", "/proxy/c/bot/x"},
		{"/proxy/c/bot/x?key=sk-secret", "", "sk-secret", "/proxy/c/bot/x?key=REDACTED", "/proxy/c/bot/x"},
		{"/proxy/c/bot/x", "sk-secret", "sk-secret", "", ""},
		{"/proxy/c/bot/x?token=" + key, "", key, "/proxy/c/bot/x?REDACTED", "/proxy/c/bot/x"},
		{"/proxy/c/none/bot" + key + "/getMe", "", key, "/proxy/REDACTED", "/proxy/REDACTED"},
		{"/proxy/c/bot/x?a=b", "", "nothing", "", ""},
	} {
		repl := caddy.NewReplacer()
		recorder := tracetest.NewSpanRecorder()
		provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
		ctx, span := provider.Tracer("caddy").Start(context.WithValue(context.Background(), caddy.ReplacerCtxKey, repl),
			"request")
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, c.uri, nil)
		if c.header != "" {
			r.Header.Set("X-Api-Key", c.header)
		}
		asked := *r
		asked.URL = &url.URL{Path: "/a/b/c" + r.URL.Path}
		r = r.WithContext(context.WithValue(ctx, caddyhttp.OriginalRequestCtxKey, asked))
		call := l.hide(r)
		span.End()
		checkTold(t, repl, c.uriTold)
		for _, attribute := range recorder.Ended()[0].Attributes() {
			if attribute.Key != "url.path" || attribute.Value.AsString() != c.pathTold {
				t.Errorf("%s: the span says %v", c.uri, attribute)
			}
		}
		if c.header != "" && r.Header.Get("X-Api-Key") != redacted {
			t.Errorf("placeholders say %q of the header", r.Header)
		}
		if call.Header.Get("X-Api-Key") != c.header || call.RequestURI != c.uri {
			t.Errorf("%s: the call was changed", c.uri)
		}
	}
}

// checkTold compares placeholders that were replaced; an empty uri is for those that were not.
func checkTold(t *testing.T, repl *caddy.Replacer, uri string) {
	t.Helper()
	for _, name := range []string{"http.request.uri", "http.request.orig_uri"} {
		if got, _ := repl.GetString(name); got != uri {
			t.Errorf("{%s} is %q, want %q", name, got, uri)
		}
	}
	if uri == "" {
		return
	}
	for _, name := range []string{"http.request.uri.path.file", "http.request.uri.query_escaped",
		"http.request.uri.path.3", "http.request.orig_uri.path.6"} {
		if got, _ := repl.GetString(name); got != redacted {
			t.Errorf("{%s} is %q", name, got)
		}
	}
}

// TestQuotesShortKey: an operator's own tenant key may be shorter than those that are minted.
func TestQuotesShortKey(t *testing.T) {
	short := policy.KeyPrefix + strings.Repeat("aZ", leastKeyDigits/2)
	if policy.CheckKey(short) != nil || policy.CheckKey(short[:len(short)-1]) == nil {
		t.Fatal("that is not the shortest key")
	}
	for _, text := range []string{
		short, "/proxy/c/app/x?token=" + short + "&a=b", "/proxy/c/app/pk%5Flive_" + short[len(policy.KeyPrefix):],
		"Basic " + base64.StdEncoding.EncodeToString([]byte(short+":x")),
	} {
		if !quotesKey(text) {
			t.Errorf("%s is logged", text)
		}
	}
	if quotesKey("/x?key=" + short[:len(short)-1]) {
		t.Error("what is too short is no key")
	}
}

// TestQuotesKeyEncoded: a key is a key in base64 too, wherever it begins there.
func TestQuotesKeyEncoded(t *testing.T) {
	for _, text := range []string{
		"Y2tfYVowYVowYVowYVowYVowYVowYVowYVowYVowYVowYVowYVowYVowYVoweA",
		"eDpja19hWjBhWjBhWjBhWjBhWjBhWjBhWjBhWjBhWjBhWjBhWjBhWjBhWjBhWjB4",
		"Basic dXNlcjpja19hWjBhWjBhWjBhWjBhWjBhWjBhWjBhWjBhWjBhWjBhWjBhWjBhWjBhWjB4",
	} {
		if !quotesKey(text) {
			t.Errorf("%s is logged", text)
		}
	}
	if quotesKey("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg") {
		t.Error("an image is no key")
	}
}
