package api_test

import (
	"strings"
	"testing"
)

func TestApps(t *testing.T) {
	s := newStage(t)
	all := "acme basic big-mail gmail imported key machine mail mailer unregistered"
	for query, want := range map[string]struct {
		slugs string
		total int
	}{
		"":                                       {all, 10},
		"?search=&page=&limit=":                  {all, 10},
		"?search=%20":                            {all, 10},
		"?search=mail":                           {"mail mailer acme big-mail gmail", 5},
		"?search=%20MAIL%20":                     {"mail mailer acme big-mail gmail", 5},
		"?search=mail&limit=2":                   {"mail mailer", 5},
		"?search=mail&limit=2&page=3":            {"gmail", 5},
		"?search=mail&limit=2&page=4":            {"", 5},
		"?search=mail&page=2147483647&limit=100": {"", 5},
		"?search=nothing":                        {"", 0},
		"?search=%25":                            {"", 0},
		"?limit=3":                               {"acme basic big-mail", 10},
		"?limit=3&page=4":                        {"unregistered", 10},
		"?limit=5&page=3":                        {"", 10},
	} {
		var got struct {
			Apps  []struct{ Slug string }
			Total int
		}
		s.get("/apps"+query).data(t, &got)
		var slugs []string
		for _, a := range got.Apps {
			slugs = append(slugs, a.Slug)
		}
		if strings.Join(slugs, " ") != want.slugs || got.Total != want.total {
			t.Errorf("%q: %v of %d, want %s of %d", query, slugs, got.Total, want.slugs, want.total)
		}
	}
}

func TestApp(t *testing.T) {
	s := newStage(t)
	for path, want := range map[string]string{
		"/apps/key": `{"status":"success","message":"app ` +
			`found","data":{"id":"key","slug":"key","name":"Key","icon_url":"https://gateway.example.com/connect/assets/icon/key.svg",` +
			`"auth_type":"api_key","categories":["ai","test"],"fields":[{"name":"api_key","label":"API ` +
			`key","secret":true},{"name":"account","label":"account","secret":false}],"hosts":[{"host":"api.example.com","base_path":"","path":""}]}}`,
		"/apps/mail": `{"status":"success","message":"app ` +
			`found","data":{"id":"mail","slug":"mail","name":"Mail","icon_url":"https://gateway.example.com/connect/assets/icon/mail.svg",` +
			`"auth_type":"o_auth","categories":[],"fields":[],"hosts":[{"host":"api.example.com","base_path":"","path":""}]}}`,
		"/apps/big-mail": `{"status":"success","message":"app ` +
			`found","data":{"id":"big-mail","slug":"big-mail","name":"Big","icon_url":"https://gateway.example.com/connect/assets/icon/big-mail.svg",` +
			`"auth_type":"o_auth","categories":[],"fields":[{"name":"region","label":"Region","secret":false,"options":["eu","us"],"default":"eu"}],"hosts":[{"host":"api.example.com","base_path":"","path":""}]}}`,
		"/apps/%6bey": `{"status":"success","message":"app ` +
			`found","data":{"id":"key","slug":"key","name":"Key","icon_url":"https://gateway.example.com/connect/assets/icon/key.svg",` +
			`"auth_type":"api_key","categories":["ai","test"],"fields":[{"name":"api_key","label":"API ` +
			`key","secret":true},{"name":"account","label":"account","secret":false}],"hosts":[{"host":"api.example.com","base_path":"","path":""}]}}`,
		"/apps/KEY": `{"status":"error","message":"no such ` +
			`app","data":{"code":"unknown_app","origin":"gateway"},"error":{"code":"unknown_app","type":"vendgate_error","message":"no such app"}}`,
		"/apps/..%2f.": `{"status":"error","message":"no such ` +
			`app","data":{"code":"unknown_app","origin":"gateway"},"error":{"code":"unknown_app","type":"vendgate_error","message":"no such app"}}`,
	} {
		if got := s.get(path); got.body != want {
			t.Errorf("%s: %s\nwant %s", path, got.body, want)
		}
	}
}

// TestForbiddenApps: an app that the tenant may not use is not listed, shown or linked to.
func TestForbiddenApps(t *testing.T) {
	s := newStage(t)
	var got struct {
		Apps  []struct{ Slug string }
		Total int
	}
	s.call("narrow", alice, "GET", "/apps?search=", nil).data(t, &got)
	if got.Total != 1 || got.Apps[0].Slug != "key" {
		t.Errorf("listed: %+v", got)
	}
	if got := s.call("narrow", alice, "GET", "/apps/mail", nil); got.code != "policy_denied" || got.status != 403 {
		t.Errorf("shown: %d %s", got.status, got.body)
	}
	if got := s.call("narrow", alice, "POST", "/connections/request-link",
		strings.NewReader(`{"app_id":"mail","name":"One"}`)); got.code != "policy_denied" {
		t.Errorf("linked: %d %s", got.status, got.body)
	}
	if got := s.call("narrow", alice, "POST", "/connections/request-link",
		strings.NewReader(`{"app_id":"key","name":"One"}`)); got.status != 201 {
		t.Errorf("its own: %d %s", got.status, got.body)
	}
}
