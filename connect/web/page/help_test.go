package page

import "testing"

// TestHelp: a page leads to help by https, in a tab that knows nothing of where it came from.
func TestHelp(t *testing.T) {
	for link, want := range map[string]string{
		"https://help.example.com/a?b=c": "https://help.example.com/a?b=c",
		"":                               "", "http://help.example.com": "", "javascript:alert(1)": "",
		"//help.example.com": "", "https:": "", "%": "",
	} {
		if got := (App{HelpURL: link}).Help(); got != want {
			t.Errorf("%q leads to %q, want %q", link, got, want)
		}
	}
	root, _ := document(t, people["plain"].views()["form-help"])
	for _, n := range elements(root) {
		target, opens := attr(n, "target")
		if n.Data != "a" || !opens {
			continue
		}
		href, _ := attr(n, "href")
		rel, _ := attr(n, "rel")
		if href != "https://help.example.com/keys?a=b&c=Secret+key" || rel != "noopener noreferrer" || target != "_blank" {
			t.Errorf("the link is %v", n.Attr)
		}
		return
	}
	t.Error("the form does not lead to help")
}

// TestBadgesOfTheUnverified: what is not verified is said beside what it is not.
func TestBadgesOfTheUnverified(t *testing.T) {
	for _, c := range []struct {
		row  Row
		want string
	}{
		{Row{Status: "active"}, "Active"}, {Row{Status: "active", Unverified: true}, "Active, Not verified"},
		{Row{Status: "active", Unverified: true, RefreshPending: true, ViaLink: true},
			"Active, Not verified, Pending, Via Link"},
		{Row{Status: "active", Unverified: true, NeedsReconnection: true}, "Needs reconnection"},
		{Row{Status: "pending", Unverified: true}, "Pending"},
	} {
		got := ""
		for i, b := range c.row.Badges() {
			if i > 0 {
				got += ", "
			}
			got += b.Text
			if c.row.Unverified && b.Hint == badgeActive.Hint {
				t.Error("it says that the credentials work")
			}
		}
		if got != c.want {
			t.Errorf("%+v has %s, want %s", c.row, got, c.want)
		}
	}
}
