package authorize

import (
	"net/url"
	"reflect"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

func TestFollow(t *testing.T) {
	answer, err := parse(`{"instance":"https://eu7.example.com","id":12345678901234567890,"ratio":1.50,"yes":true,"none":null,"a.b":"no",
		"accounts":[{"id":7,"is_default":false,"uri":"x"},{"id":8,"is_default":true,"uri":"y","name":"a.b c"},{"id":9,"is_default":true,"uri":"z"}],
		"list":["first",["inner"]],"twins":[{"id":7,"use":"a","in":[{"n":1}]},{"id":7,"use":"b","in":[{"n":1},{"n":1}]}],"part":[{"id":7},{"use":"a"}],
		"sites":[{"url":"https://acme.example.com","id":"1"},{"url":"https://Acme.example.com","id":"1"},{"url":"https://other.example.com","id":"2"},{"url":"a{b","id":"3"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"instance": "https://eu7.example.com", "id": "12345678901234567890", "ratio": "1.50", "yes": "", "none": "",
		"missing": "", "instance.more": "",
		"accounts": "", "accounts.0.uri": "", "accounts.2.id": "9", "accounts.3.id": "", "accounts.-1.id": "",
		"accounts[is_default=true].uri": "", "accounts[is_default=false].uri": "x", "accounts[id=9].uri": "z",
		"accounts[name=a.b c].id": "8", "accounts[id=10].uri": "", "accounts[gone=].uri": "",
		"instance[a=b].c": "", "list.0": "", "list.1.0": "inner", "list.x": "",
		"twins.0.id": "7", "twins[id=7].id": "7", "twins.0.use": "", "twins[id=7].use": "", "twins.0.in.0.n": "1",
		"twins.0.in.1.n": "", "part.0.id": "", "part.0.use": "",
		"sites[url=https://{site}.example.com].id": "1", "sites[url=https://{other}.example.com].id": "2",
		"sites[url=https://ACME.example.com].id":   "",
		"sites[url=https://{gone}.example.com].id": "", "sites[url=a{{b].id": "3", "sites[id={filter}].id": "",
		"[url=x].id": "",
	} {
		if got := lookup(answer, path, fields("site", "ACME", "other", "other", "filter", "1].url")); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if got := lookup([]any{map[string]any{"a": "b", "c": "d"}}, "[a={x}].c", fields("x", "B")); got != "d" {
		t.Errorf("of an answer that is a list: %q", got)
	}
	for _, text := range []string{"", "{", "{}{}", "<html>", `{"a":1} x`} {
		if _, err := parse(text); err == nil {
			t.Errorf("%q passed for JSON", text)
		}
	}
}

// chooses is an app whose end users say which of several sites is meant.
func (s *stage) chooses() *catalog.App {
	return s.consents(func(a *catalog.App) {
		a.Fields = []catalog.Field{{Name: "site", Label: "Site"}, {Name: "cloud", From: catalog.FromGrant}}
		a.Placement = &catalog.Placement{Header: map[string]string{"Authorization": "Bearer {access_token}"},
			PathPrefix: "/ex/{cloud}"}
		a.OAuth2.Capture = []catalog.Capture{{Field: "cloud", From: catalog.CaptureCall, URL: s.URL + "/sites",
			Path: "[url=https://{site}.example.com].id"}}
	})
}

// TestChoice has a provider that lists every site that was ever granted, some of them twice.
func TestChoice(t *testing.T) {
	const list = `[{"id":"1","url":"https://first.example.com","scopes":["a"]},{"id":"2","url":"https://acme.example.com"},{"id":"1","url":"https://first.example.com","scopes":["b"]}]`
	s := newStage(t, accounts{granted, answer{200, list, nil}})
	app := s.chooses()
	if err := app.Check(); err != nil {
		t.Fatal(err)
	}
	for entered, want := range map[string][2]string{
		"first": {"first", "1"}, "Acme": {"Acme", "2"}, "https://ACME.example.com/jira/your-work?x=1": {"acme", "2"},
		"first.example.com": {"first", "1"},
	} {
		if err := CheckFields(app, fields("site", entered)); err != nil {
			t.Errorf("%s: %v", entered, err)
		}
		g, err := s.Finish(t.Context(), tenant, app, redirectURI, vending.Secret{}, url.Values{"code": {"c"}},
			fields("site", entered))
		if err != nil {
			t.Errorf("%s: %v", entered, err)
		} else if got := g.Reveal().Fields; !reflect.DeepEqual(got, fields("site", want[0], "cloud", want[1])) {
			t.Errorf("%s: fields %v", entered, got)
		}
	}
	if around := Around(app, app.Fields[0]); around != "acme.example.com" {
		t.Errorf("the form says %q", around)
	}
	_, err := s.Finish(t.Context(), tenant, app, redirectURI, vending.Secret{}, url.Values{"code": {"c"}},
		fields("site", "gone"))
	if p := s.mustBe(t, err, InvalidField); p.Field != "site" ||
		p.Message() != "Site is invalid: it is not one that you gave access to." {
		t.Errorf("a site that is not there: %s", p.Message())
	}
	s.calls()
	for _, bad := range []string{"a.b", "acme.example.com.evil.com", "acme/x", "-", "a_b",
		"https://acme.example.com@evil.com"} {
		_, err := s.Begin(t.Context(), tenant, app, redirectURI, fields("site", bad))
		if p := s.mustBe(t, err, InvalidField); p.Field != "site" {
			t.Errorf("%s: %v", bad, p)
		}
	}
	_, err = s.Begin(t.Context(), tenant, app, redirectURI, nil)
	if s.mustBe(t, err, MissingField); len(s.calls()) != 0 {
		t.Error("the provider was asked")
	}
}

// TestSitesOfAtlassian has what its API answers to an account with two sites, one of which it lists
// for each of two products (https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/).
func TestSitesOfAtlassian(t *testing.T) {
	answer, err := parse(`[{"id":"1324a887","url":"https://acme.atlassian.net","name":"acme","scopes":["write:jira-work"]},
		{"id":"1324a887","url":"https://acme.atlassian.net","name":"acme","scopes":["write:confluence-content"]},
		{"id":"8f5a3c0e","url":"https://acme-sandbox.atlassian.net","name":"acme","scopes":["write:jira-work"]}]`)
	if err != nil {
		t.Fatal(err)
	}
	cat, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	for _, slug := range []string{"jira", "confluence"} {
		app, _ := cat.App(slug)
		asked, err := cleanFields(app, fields("site", "https://Acme.atlassian.net/jira/for-you"))
		if err != nil {
			t.Fatal(err)
		}
		if got := lookup(answer, app.OAuth2.Capture[0].Path, asked); got != "1324a887" ||
			app.OAuth2.Capture[0].Field != "cloud_id" {
			t.Errorf("%s: the cloud id is %q", slug, got)
		}
	}
}
