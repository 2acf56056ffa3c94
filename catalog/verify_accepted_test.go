package catalog

import (
	"strings"
	"testing"
)

func TestVerifyAccepts(t *testing.T) {
	v := &Verify{Accepted: []Accepted{
		{Status: 401, Body: []string{"missing_permissions", "restricted_api_key"}}, {Status: 402},
		{Status: 403, Body: []string{"scope"}},
	}}
	for name, c := range map[string]struct {
		status          int
		body            string
		accepts, inBody bool
	}{
		"a text":            {401, `{"detail":{"status":"missing_permissions"}}`, true, true},
		"another text":      {401, `{"name":"restricted_api_key"}`, true, true},
		"another case":      {401, `Missing_Permissions`, false, true},
		"no text":           {401, ``, false, true},
		"of another status": {401, `scope`, false, true},
		"a status alone":    {402, ``, true, false},
		"another status":    {404, `missing_permissions`, false, false},
		"beyond the prefix": {401, strings.Repeat(" ", RefusedPrefix) + `missing_permissions`, false, true},
	} {
		if got := v.Accepts(c.status, []byte(c.body)); got != c.accepts {
			t.Errorf("%s: accepts %v, want %v", name, got, c.accepts)
		}
		if got := v.AcceptanceInBody(c.status); got != c.inBody {
			t.Errorf("%s: in the body %v, want %v", name, got, c.inBody)
		}
	}
	if plain := new(Verify); plain.Accepts(402, nil) || plain.AcceptanceInBody(401) {
		t.Error("a request that says nothing accepts a failure")
	}
}

func TestCheckAccepted(t *testing.T) {
	accepted := func(status int, body ...string) change {
		return verify(Verify{Path: "/me", Wrong: []int{402}, Accepted: []Accepted{{401, []string{"x"}}, {status, body}}})
	}
	status := func(s string) string {
		return `app acme: verify.accepted: status ` + s + `: write one from 400 to 499, such as 401`
	}
	text := `app acme: verify.accepted: each text must have 1 to 256 bytes and no control character: write what only ` +
		`such a body holds, like missing_permissions`
	refuse(t, keyed, map[string]refusal{
		"200":       {accepted(200, "x"), status("200")},
		"500":       {accepted(500, "x"), status("500")},
		"429":       {accepted(429, "x"), `app acme: verify.accepted: 429 does not tell about a credential: take it out`},
		"no status": {accepted(0, "x"), status("0")},
		"403 alone": {accepted(403),
			`app acme: verify.accepted: 403 may mean a wrong credential: write the text (body) that shows it`},
		"a wrong": {accepted(402), `app acme: verify.accepted: 402 is in verify.wrong as well: take it out of one of them`},
		"no text": {accepted(403, ""), text}, "a long text": {accepted(403, strings.Repeat("x", 257)), text},
		"two lines": {accepted(403, "a\nb"), text},
	})
	app := keyed("acme")
	app.Verify = &Verify{Path: "/me", Wrong: []int{400}, Accepted: []Accepted{{402, nil}, {400, []string{"x", "y"}}}}
	if err := app.Check(); err != nil {
		t.Error(err)
	}
}
