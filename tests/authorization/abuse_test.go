package authorization

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// TestBrowserLeaves in the middle of the callback: the provider has made a grant by then, and it is
// not lost.
func TestBrowserLeaves(t *testing.T) {
	o := newOffice(t)
	address, id := o.link("crm")
	v := harness.NewVisitor(t, nil)
	v.Open(address).Submit("accept")
	asked, left := make(chan struct{}), make(chan struct{})
	o.front.takeOver(func(c *tokenCall) {
		close(asked)
		<-left
		res, body := c.forward()
		c.w.Header().Set("Content-Type", "application/json")
		c.w.WriteHeader(res.StatusCode)
		_, _ = c.w.Write(body)
	})
	to := v.Onward()
	q := to.Query()
	q.Set("login", "alice")
	to.RawQuery = q.Encode()
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, to.String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		<-asked
		leave()
		close(left)
	}()
	if res, err := v.Client.Do(r); err == nil {
		res.Body.Close()
		t.Fatal("the browser has not left")
	}
	harness.Within(t, "the grant is stored", 10*time.Second, func() bool { return o.linkStatus(address) == "active" })
	o.stands(id, "active", "via_link")
	v.Open(address+"/done").Sees("the browser comes back", http.StatusOK, harness.SaysCreated)
}

// TestTriesAreBounded: a link is no way to search for keys.
func TestTriesAreBounded(t *testing.T) {
	o := newOffice(t)
	address, id := o.link("vault")
	v := harness.NewVisitor(t, nil)
	v.Open(address).Submit("accept")
	refused := 0
	for range 15 {
		if v.Submit("credentials", "field.api_key", "wrong"); v.Status == http.StatusTooManyRequests {
			refused++
			v.Sees("too many", http.StatusTooManyRequests, "wait a minute")
			if v.Header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
		}
	}
	if calls := o.keyed.calls.Load(); refused < 4 || calls > 11 {
		t.Errorf("%d of 15 tries were refused, and %d reached the app", refused, calls)
	}
	o.stands(id, "pending", "via_link")
	other, _ := o.link("vault")
	v.Open(other).Submit("accept").Submit("credentials", "field.api_key", "right").Sees("another link", http.StatusOK,
		harness.SaysCreated)
}

// TestInvitationComesFirst: nobody enters credentials without having been told for whom.
func TestInvitationComesFirst(t *testing.T) {
	o := newOffice(t)
	address, id := o.link("vault")
	v := harness.NewVisitor(t, nil)
	v.Open(address+"/credentials").Sees("the form by its address", http.StatusOK, "Accept & Connect")
	v.Do(http.MethodPost, address+"/credentials", url.Values{"csrf": {v.CSRF()}, "field.api_key": {"right"}}).Sees(
		"its values by their address", http.StatusOK, "Accept & Connect")
	o.stands(id, "pending", "via_link")
	if o.keyed.calls.Load() != 0 {
		t.Error("the key was tried")
	}
}

// TestHeadHasNoEffect: whoever previews an address neither opens a link nor completes it.
func TestHeadHasNoEffect(t *testing.T) {
	o := newOffice(t)
	address, id := o.link("crm")
	v := harness.NewVisitor(t, nil)
	v.Do(http.MethodHead, address, nil)
	if got := o.events(id); got != "link_created" {
		t.Errorf("after HEAD the audit trail is %s", got)
	}
	v.Open(address).Submit("accept")
	to := v.Onward()
	q := to.Query()
	q.Set("login", "alice")
	to.RawQuery = q.Encode()
	follow := v.Client.CheckRedirect
	v.Client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	callback := v.Open(to.String()).Header.Get("Location")
	v.Do(http.MethodHead, callback, nil)
	o.stands(id, "pending", "via_link")
	v.Client.CheckRedirect = follow
	v.Open(callback).Sees("the callback itself", http.StatusOK, harness.SaysCreated)
}

// TestDeadLinksLookAlike down to their headers, whatever page of them is asked for.
func TestDeadLinksLookAlike(t *testing.T) {
	o := newOffice(t)
	pending, _ := o.link("crm")
	used, _ := o.link("crm")
	harness.NewVisitor(t, nil).Open(used).Submit("reject")
	unknown := o.URL + "/connect/" + strings.Repeat("A", 33)
	for _, page := range []string{"/done", "/nothing"} {
		want := look(t, unknown+page)
		for what, address := range map[string]string{"used": used, "pending": pending} {
			if got := look(t, address+page); !maps.Equal(got, want) {
				t.Errorf("%s of a %s link: %v\nof none: %v", page, what, got, want)
			}
		}
	}
}

// look is what a stranger gets.
func look(t *testing.T, address string) map[string]string {
	t.Helper()
	v := harness.NewVisitor(t, nil).Open(address).Sees(address, http.StatusNotFound, harness.SaysInvalid)
	got := map[string]string{"body": v.Page}
	for name, values := range v.Header {
		if name != "Date" && name != "Vendgate-Request-Id" {
			got[name] = strings.Join(values, "|")
		}
	}
	return got
}
