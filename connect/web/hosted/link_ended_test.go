package hosted_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/tests/harness"
)

// atProvider is a browser that a link has sent to the provider, and its callback from there.
func (o *office) atProvider(l connect.Link, code string) (v *harness.Visitor, callback string) {
	o.Helper()
	v = o.visit(l, nil).Submit("accept")
	return v, o.URL + connect.CallbackPath + "?state=" + v.Onward().Query().Get("state") + "&" + code
}

// TestLinkEndedAtProvider: whatever ends a link while a browser is at the provider, and whenever
// its callback comes, that browser learns that the link has ended. Nothing is wrong with its
// cookies, and nothing of what it gave is stored.
func TestLinkEndedAtProvider(t *testing.T) {
	ends := map[string]func(*office, connect.Link){
		"completed by another browser": func(o *office, l connect.Link) {
			o.sites.instance = "winner"
			winner, callback := o.atProvider(l, "code=c")
			winner.Open(callback).Sees("the winner", http.StatusOK, harness.SaysCreated)
			o.sites.instance = "loser"
		},
		"rejected by another browser": func(o *office, l connect.Link) {
			o.visit(l, nil).Submit("reject").Sees("who rejects", http.StatusOK, "You declined this request")
		},
		"replaced": func(o *office, l connect.Link) {
			if _, err := o.store.RenewLink(o.Context(), "acme", alice, l.Connection.ID); err != nil {
				o.Error(err)
			}
		},
		"deleted with its connection": func(o *office, l connect.Link) {
			if err := o.store.DeleteConnection(o.Context(), "acme", l.Connection.ID); err != nil {
				o.Error(err)
			}
		},
	}
	for what, end := range ends {
		t.Run(what, func(t *testing.T) {
			for when, arrive := range map[string]func(o *office, l connect.Link, loser *harness.Visitor, callback string){
				"before its callback": func(o *office, l connect.Link, loser *harness.Visitor, callback string) {
					end(o, l)
					loser.Open(callback)
				},
				"during its token call": func(o *office, l connect.Link, loser *harness.Visitor, callback string) {
					o.sites.onToken = func() { end(o, l) }
					loser.Open(callback)
				},
				"during a token call that brings nothing": func(o *office, l connect.Link, loser *harness.Visitor,
					callback string) {
					o.sites.onToken = func() {
						end(o, l)
						o.sites.instance = ""
					}
					loser.Open(callback)
				},
				"before its callback, which comes twice": func(o *office, l connect.Link, loser *harness.Visitor, callback string) {
					end(o, l)
					loser.Open(callback).Open(callback)
				},
				"before it refuses": func(o *office, l connect.Link, loser *harness.Visitor, callback string) {
					end(o, l)
					loser.Open(callback + "&error=access_denied")
				},
			} {
				o := newOfficeOf(t, newSites(t), gitApp())
				l, err := o.gitLink()
				if err != nil {
					t.Fatal(err)
				}
				o.sites.instance = "loser"
				loser, callback := o.atProvider(l, "code=c")
				arrive(o, l, loser, callback)
				loser.Sees(what+" "+when, http.StatusNotFound, harness.SaysInvalid)
				if _, g, err := o.store.Grant(t.Context(), "acme", alice, l.Connection.ID); err == nil {
					for _, f := range g.Reveal().Fields {
						if f.Value != "winner" {
							t.Errorf("%s %s: what is stored is of the %s", what, when, f.Value)
						}
					}
				}
			}
		})
	}
}

// TestTwoTabs of one browser accept a link: the second to come back is told of the success, which
// was the same person's.
func TestTwoTabs(t *testing.T) {
	o := newOfficeOf(t, newSites(t), gitApp())
	o.sites.instance = "acme"
	l, err := o.gitLink()
	if err != nil {
		t.Fatal(err)
	}
	tab, first := o.atProvider(l, "code=c")
	tab.Open(o.URL + connect.LinkPath(l.Token.Reveal())).Submit("accept")
	second := o.URL + connect.CallbackPath + "?state=" + tab.Onward().Query().Get("state") + "&code=c"
	tab.Open(first).Sees("the first", http.StatusOK, harness.SaysCreated)
	tab.Open(second).Sees("the second", http.StatusOK, harness.SaysCreated)
}

// TestReturnCookies: a browser that begins again and again keeps few cookies of it, of which the
// latest counts, and none of those that it came back with.
func TestReturnCookies(t *testing.T) {
	o := newOfficeOf(t, newSites(t), gitApp())
	o.sites.instance = "acme"
	l, err := o.gitLink()
	if err != nil {
		t.Fatal(err)
	}
	root, err := url.Parse(o.URL)
	if err != nil {
		t.Fatal(err)
	}
	v, callback := o.atProvider(l, "code=c")
	returns := func() (n int) {
		for _, c := range v.Client.Jar.Cookies(root) {
			if strings.HasPrefix(c.Name, "vendgate-return-") {
				n++
			}
		}
		return n
	}
	for range 30 {
		v.Open(o.URL + connect.LinkPath(l.Token.Reveal())).Submit("accept")
		callback = o.URL + connect.CallbackPath + "?state=" + v.Onward().Query().Get("state") + "&code=c"
	}
	begun := returns()
	if begun > 5 {
		t.Errorf("the browser keeps %d return cookies of one link", begun)
	}
	v.Open(callback).Sees("the latest", http.StatusOK, harness.SaysCreated)
	if left := returns(); left != begun-1 {
		t.Errorf("%d return cookies are left of %d", left, begun)
	}
}

// TestUnknownCallback: a browser that never was at the provider with a state, or has used it, is
// told of its session, and not of a link.
func TestUnknownCallback(t *testing.T) {
	o := newOfficeOf(t, newSites(t), gitApp())
	o.sites.instance = "acme"
	l, err := o.gitLink()
	if err != nil {
		t.Fatal(err)
	}
	const says = "Your browser did not keep this session"
	v, callback := o.atProvider(l, "error=access_denied")
	other := o.visit(l, nil)
	other.Open(callback).Sees("another browser", http.StatusBadRequest, says)
	v.Open(callback).Sees("declined", http.StatusForbidden, "Access was not granted")
	v.Open(callback).Sees("the state again", http.StatusBadRequest, says)
	winner, completes := o.atProvider(l, "code=c")
	winner.Open(completes).Sees("completed", http.StatusOK, harness.SaysCreated)
	other.Open(callback).Sees("another browser, of a link that has ended", http.StatusBadRequest, says)
}
