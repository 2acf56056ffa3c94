package catalog

import (
	"reflect"
	"strings"
	"testing"
)

// TestEmbeddedAppsNeedNoAdvice: twins agree on the path below which their API is, and no upstream
// ends in what its calls begin with.
func TestEmbeddedAppsNeedNoAdvice(t *testing.T) {
	apps := embeddedApps(t)
	for _, app := range apps {
		for _, text := range Advice(app, apps) {
			t.Error(text)
		}
	}
}

// TestTwinsAreSteeredAlike: at one upstream, a batch is one with either credential, and both have
// one limit of calls.
func TestTwinsAreSteeredAlike(t *testing.T) {
	apps := embeddedApps(t)
	for i, app := range apps {
		for _, twin := range apps[:i] {
			if !twins(app.Slug, twin.Slug) || app.Upstream != twin.Upstream {
				continue
			}
			if !reflect.DeepEqual(app.Steering, twin.Steering) {
				t.Errorf("%s has the steering %+v, and %s %+v", app.Slug, app.Steering, twin.Slug, twin.Steering)
			}
			if !reflect.DeepEqual(app.RateLimit, twin.RateLimit) {
				t.Errorf("%s has the rate limit %+v, and %s %+v", app.Slug, app.RateLimit, twin.Slug, twin.RateLimit)
			}
		}
	}
}

func TestAdvice(t *testing.T) {
	app := func(slug, upstream, verify string) *App {
		return &App{Slug: slug, Upstream: upstream, Verify: &Verify{Path: verify}}
	}
	twin := app("acme", "https://api.example.com", "/v1/me")
	for name, c := range map[string]struct {
		app  *App
		want string
	}{
		"right": {app("acme-token", "https://api.example.com/", "/v1/me"), ""},
		"a twin with a path": {app("acme-api-key", "https://api.example.com/v1", "/me"),
			"that of acme, which has the same SDKs, is /:"},
		"another app": {app("acme-crm", "https://api.example.com/v1", "/me"), ""},
		"begins with it again": {app("other", "https://api.example.com/v1", "/v1/me?x=1"),
			"the upstream ends in /v1, and /v1/me begins with it again"},
		"begins with its end": {app("other", "https://api.example.com/api/v4", "/v4/user"),
			"the upstream ends in /v4, and /v4/user begins"},
		"begins alike": {app("other", "https://api.example.com/v1", "/v10/me"), ""},
		"another host is asked": {&App{Slug: "other", Upstream: "https://api.example.com/v1",
			Verify: &Verify{Host: "id.example.com", Path: "/v1/me"}}, ""},
		"a batch begins with it": {&App{Slug: "other", Upstream: "https://api.example.com/v1",
			Steering: &Steering{Batch: []string{"/v1/batch"}}}, "/v1/batch begins"},
	} {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(Advice(c.app, []*App{twin, c.app}), "\n")
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("Advice() = %q, want %q", got, c.want)
			}
		})
	}
}
