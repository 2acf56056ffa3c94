package pipedream_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/vending"
	"github.com/vendgate/vendgate/vending/pipedream"
)

func TestNewErrors(t *testing.T) {
	app := func(slug string, a pipedream.App) func(*pipedream.Options) {
		return func(o *pipedream.Options) { o.Apps = map[string]pipedream.App{slug: a} }
	}
	for name, tt := range map[string]struct {
		change func(*pipedream.Options)
		want   string
	}{
		"no transport": {func(o *pipedream.Options) { o.Transport = nil }, "a transport and a catalog are required"},
		"no catalog":   {func(o *pipedream.Options) { o.Catalog = nil }, "a transport and a catalog are required"},
		"no project": {func(o *pipedream.Options) {
			o.Project = ""
		}, "project: write the project's id, like proj_abc123"},
		"project's prefix":  {func(o *pipedream.Options) { o.Project = "proj_" }, "project: "},
		"project of a path": {func(o *pipedream.Options) { o.Project = "proj_a/../b" }, "project: "},
		"environment": {func(o *pipedream.Options) {
			o.Environment = ""
		}, "environment: write production or development"},
		"no client": {func(o *pipedream.Options) { o.ClientID = "" }, "client_id is missing"},
		"no secret": {func(o *pipedream.Options) {
			o.ClientSecret = vending.NewSecret("")
		}, "client_secret is missing"},
		"no tenant":        {func(o *pipedream.Options) { o.Tenants = nil }, "tenant is missing"},
		"an empty tenant":  {func(o *pipedream.Options) { o.Tenants = []string{"acme", ""} }, "tenant is missing"},
		"negative timeout": {func(o *pipedream.Options) { o.Timeout = -1 }, "timeout is negative"},
		"plain http": {func(o *pipedream.Options) {
			o.Endpoint, o.AllowHTTP = "http://p.example", false
		}, "endpoint: write an https URL"},
		"other scheme": {func(o *pipedream.Options) {
			o.Endpoint = "ftp://p.example"
		}, "endpoint: write an https URL"},
		"no host": {func(o *pipedream.Options) {
			o.Endpoint = "https:///v1"
		}, "endpoint: the URL has no host: write one like https://api.example.com"},
		"user info": {func(o *pipedream.Options) {
			o.Endpoint = "https://u:canary@p.example"
		}, "endpoint: remove user info, query and fragment"},
		"no URL": {func(o *pipedream.Options) {
			o.Endpoint = "https://[canary"
		}, "endpoint: write a URL, like https://api.example.com"},
		"app unknown":        {app("nope", pipedream.App{NameSlug: "nope"}), `app "nope" is not in the catalog`},
		"app without a name": {app("slack", pipedream.App{}), "app slack: write the name_slug"},
		"name in capitals":   {app("slack", pipedream.App{NameSlug: "Slack"}), "app slack: write the name_slug"},
		"field unknown": {app("openai", pipedream.App{NameSlug: "openai", Fields: map[string]string{"k": "nope"}}),
			"app openai: k=nope: the app has no such field"},
		"no custom field": {app("openai", pipedream.App{NameSlug: "openai",
			Fields: map[string]string{"oauth_uid": "api_key"}}), `app openai: "oauth_uid" is not a custom field`},
		"field without name": {app("openai", pipedream.App{NameSlug: "openai", Fields: map[string]string{"": "api_key"}}),
			`app openai: "" is not a custom field`},
		"two for one field": {app("openai", pipedream.App{NameSlug: "openai",
			Fields: map[string]string{"a": "api_key", "b": "api_key"}}), "app openai: a and b both become api_key"},
		"token of an OAuth app": {app("slack", pipedream.App{NameSlug: "slack",
			Fields: map[string]string{"a": "access_token"}}), "app slack: a=access_token: the app has no such field"},
	} {
		t.Run(name, func(t *testing.T) {
			o := pipedream.Options{
				Transport: http.DefaultTransport, Project: "proj_1", Environment: "production", ClientID: "c",
				ClientSecret: vending.NewSecret(clientSecret), Catalog: apps(t), AllowHTTP: true, Tenants: []string{"acme"},
			}
			tt.change(&o)
			s, err := pipedream.New(o)
			if s != nil || err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Fatalf("New = %v, %v; want %s", s != nil, err, tt.want)
			}
			clean(t, err.Error())
		})
	}
}

// TestNeverPrinted: neither the client secret, nor the access token, nor a relay shows in anything
// that fmt or slog prints.
func TestNeverPrinted(t *testing.T) {
	s := serve(t, nil, says(200, keyless["null"]), nil)
	source := newSource(t, s, func(o *pipedream.Options) {
		o.Transport = vending.Relay(o.Transport.RoundTrip) // net/http's own fields are not to be read while it runs
	})
	cred, err := source.Vend(t.Context(),
		vending.Request{Tenant: "acme", User: "alice+1@example.com", Connection: "apn_1", App: "google-sheets"})
	if err != nil {
		t.Fatal(err)
	}
	source.Close() // nor are the source's while its fetch ends
	type keeper struct {
		source *pipedream.Source
		cred   vending.Credential
	}
	for _, v := range []any{source, cred, keeper{source, cred}, &keeper{source, cred},
		pipedream.Options{ClientSecret: vending.NewSecret(clientSecret)}} {
		var logged bytes.Buffer
		slog.New(slog.NewJSONHandler(&logged, nil)).Info("value", "v", fmt.Sprintf("%+v", v))
		encoded, _ := json.Marshal(v) // what cannot be encoded shows nothing
		clean(t, fmt.Sprintf("%v %+v %#v %s %q %d", v, v, v, v, v, v)+logged.String()+string(encoded))
	}
}
