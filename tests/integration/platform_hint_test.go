package integration

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/tests/harness"
)

// link makes a link of the app `key` for Alice, or one that renews a connection, and returns the
// address of its page.
func (p *platform) link(tenant, renews string) string {
	p.t.Helper()
	path := "/connections/request-link"
	if renews != "" {
		path = "/connections/" + renews + "/request-link"
	}
	var made struct {
		Data struct {
			RequestLink string `json:"request_link"`
		} `json:"data"`
	}
	got := p.call(tenant, "POST", path, `{"app_id":"key","name":"Mine"}`, "Content-Type: application/json",
		"X-User-Email: "+harness.Alice)
	if err := json.Unmarshal([]byte(got.body), &made); err != nil || made.Data.RequestLink == "" {
		p.t.Fatalf("made %d %s: %v", got.status, got.body, err)
	}
	return made.Data.RequestLink
}

// hintPages walks through a link and returns what each of its pages says, by name, without its
// elements.
func (p *platform) hintPages(tenant, renews string) map[string]string {
	p.t.Helper()
	pages := make(map[string]string)
	v := harness.NewVisitor(p.t, nil).Open(p.link(tenant, renews))
	see := func(name string) {
		pages[name] = strings.ReplaceAll(v.Text(), " .", ".") // it puts spaces around elements
		if strings.Contains(v.Page, harness.Alice) || strings.Contains(v.Page, "lice@") {
			p.t.Errorf("%s shows the whole address: %s", name, v.Page)
		}
	}
	see("invitation")
	v.Submit("accept")
	see("form")
	v.Submit("credentials", "field.api_key", "a\nb")
	see("form with a problem")
	v.Submit("credentials", "field.api_key", "sk-1")
	see("success")
	v = harness.NewVisitor(p.t, nil).Open(p.link(tenant, renews)).Submit("reject")
	see("refusal")
	return pages
}

// TestUserHint: every page of a link says for whom it was made, as the tenant wants it: in the
// configuration before the store.
func TestUserHint(t *testing.T) {
	const own = `user_hint "For {user} <b>only</b>, {user}."`
	p := startPlatform(t, keyed(t, "acme"), keyed(t, "quiet", "user_hint off"), keyed(t, "own", own),
		keyed(t, "back", "user_hint masked"))
	for _, id := range []string{"acme", "own", "back"} {
		tenant := connect.Tenant{ID: id, Email: opsEmail, Brand: connect.Brand{UserHint: "off"}}
		if id == "acme" {
			tenant.Brand.UserHint = ""
		}
		if _, err := p.store.CreateTenant(context.Background(), tenant); err != nil {
			t.Fatal(err)
		}
	}
	const masked = "a…e@example.com"
	for tenant, want := range map[string]string{
		"acme": "This link was made for " + masked + ".", "own": "For " + masked + " <b>only</b>, " + masked + ".",
		"back": "made for " + masked, "quiet": "",
	} {
		for _, renews := range []string{"", p.imported(tenant)} {
			for name, text := range p.hintPages(tenant, renews) {
				if !strings.Contains(text, want) || want == "" &&
					(strings.Contains(text, "made for") || strings.Contains(text, "…e@")) {
					t.Errorf("%s, %s: %s", tenant, name, text)
				}
			}
		}
	}
	v := harness.NewVisitor(t, nil).Open(p.URL + "/connect/" + strings.Repeat("0", 33))
	if strings.Contains(v.Page, "made for") {
		t.Errorf("a link that never was: %s", v.Text())
	}
	if err := p.store.SetBrand(context.Background(), "acme", connect.Brand{UserHint: "Wanted: {user}"}); err != nil {
		t.Fatal(err)
	}
	if text := harness.NewVisitor(t, nil).Open(p.link("acme", "")).Text(); !strings.Contains(text, "Wanted: "+masked) {
		t.Errorf("after the change: %s", text)
	}
}
