package page

import (
	"strings"
	"testing"
)

// TestAccount: the pages show which account is connected, and as text whatever it is.
func TestAccount(t *testing.T) {
	p := people["plain"]
	link, row := p.link(p.keyApp, false), p.rows()[0]
	none := row
	none.Account = ""
	link.Account, row.Account = `<b>a&"</b>`, `<b>a&"</b>`
	paging := Paging{Page: 1, Limit: 20, Total: 1}
	session := Session{Tenant: p.brand.Name, CSRF: "csrf"}
	const escaped = `<bdi>&lt;b&gt;a&amp;&#34;&lt;/b&gt;</bdi>`
	for name, c := range map[string]struct {
		shown, without View
		want           string
	}{
		"success": {Success{Link: link}, Success{Link: p.link(p.keyApp, false)},
			"<dt>Connected as</dt><dd>" + escaped + "</dd>"},
		"connections": {Connections{Session: session, Rows: []Row{row}, Paging: paging, Now: testNow},
			Connections{Session: session, Rows: []Row{none}, Paging: paging, Now: testNow},
			`connected as ` + escaped},
		"delete": {Delete{Session: session, Row: row}, Delete{Session: session, Row: none},
			"<dt>Connected as</dt><dd>" + escaped + "</dd>"},
	} {
		if _, source := document(t, c.shown); !strings.Contains(source, c.want) {
			t.Errorf("%s does not have %s:\n%s", name, c.want, source)
		}
		if _, source := document(t, c.without); strings.Contains(strings.ToLower(source), "connected as") {
			t.Errorf("%s shows an account that there is not:\n%s", name, source)
		}
	}
}
