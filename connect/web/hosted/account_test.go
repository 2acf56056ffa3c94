package hosted_test

import (
	"strings"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

// TestAccount: the last page of a link says which account was connected, after a key was tried and
// after a sign-in, and after a renewal the new one.
func TestAccount(t *testing.T) {
	o := newOffice(t)
	o.app.Verify.Account = "id"
	id := o.connect("shop.example/blog")
	if got := o.account(id); got != "1" {
		t.Errorf("the key is of %q", got)
	}

	s := newSites(t)
	app := gitApp()
	app.OAuth2.Account = "scope"
	o = newOfficeOf(t, s, app)
	const first, second = "read:repository write:issue alice", "read:repository write:issue <b>bob</b>"
	s.scope, s.instance = first, "eu"
	l, err := o.gitLink()
	o.signIn(l, err, "code=c").Sees("connected", 200, harness.SaysCreated).Sees("connected", 200, "Connected as")
	if got := o.account(l.Connection.ID); got != first {
		t.Errorf("the token is of %q", got)
	}
	s.scope = second
	l, err = o.store.RenewLink(t.Context(), "acme", alice, l.Connection.ID)
	v := o.signIn(l, err, "code=c")
	if !strings.Contains(v.Page, "<bdi>read:repository write:issue &lt;b&gt;bob&lt;/b&gt;</bdi>") ||
		strings.Contains(v.Page, "alice</bdi>") {
		t.Errorf("the page of the renewal: %s", v.Page)
	}
	if got := o.account(l.Connection.ID); got != second {
		t.Errorf("the renewed token is of %q", got)
	}
	if o.log.Len() > 0 && strings.Contains(o.log.String(), "bob") {
		t.Errorf("the log says %s", o.log.String())
	}
}

func (o *office) account(id string) string {
	o.Helper()
	c, err := o.store.Describe(o.Context(), "acme", alice, id)
	if err != nil {
		o.Fatal(err)
	}
	return c.Account
}
