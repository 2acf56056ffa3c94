package hosted

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/oauth/authorize"
	"github.com/vendgate/vendgate/connect/web/browser"
	"github.com/vendgate/vendgate/connect/web/page"
	"github.com/vendgate/vendgate/vending"
)

// request is one request to the pages of a link.
type request struct {
	*Hosted
	w     http.ResponseWriter
	r     *http.Request
	where Where
	jar   browser.Jar
	// token is the request token in the path, if there is one, and digest what is stored of it.
	token  vending.Secret
	digest connect.Digest
	// link, app and tenant are known once find has found them.
	link   connect.LinkState
	app    *catalog.App
	tenant connect.Tenant
}

// errNoCookie says that a form came without the cookie it was bound to, or with another's.
var errNoCookie = errors.New("the form was not sent by the browser that it was shown to")

// csrfPurpose is what the forms of a link are bound to.
func (v *request) csrfPurpose() string { return "link " + string(v.digest[:]) }

// load takes the link that was read, and finds what its pages show.
func (v *request) load(l connect.LinkState, err error) error {
	if err != nil {
		return err
	}
	v.link = l
	var ok bool
	if v.app, ok = v.o.Catalog(l.Connection.App); !ok {
		return vending.Refuse(vending.UnknownApp,
			"the app of this link is not available any more; please ask your requester for help")
	}
	v.tenant, err = v.requester(l)
	return err
}

// requester is the tenant of a link. Without a live one the link has ended: nobody is there to be
// given anything.
func (v *request) requester(l connect.LinkState) (connect.Tenant, error) {
	t, err := v.o.Tenant(v.r.Context(), l.Connection.Tenant)
	if errors.Is(err, connect.ErrTenantUnknown) || err == nil && t.Disabled {
		return connect.Tenant{}, connect.ErrLinkEnded
	}
	return t, err
}

// detach keeps what follows going when the browser leaves: the provider is about to make a grant
// that exists only here.
func (v *request) detach() (done func()) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(v.r.Context()), persistence)
	v.r = v.r.WithContext(ctx)
	return cancel
}

// persistence bounds what is done for a browser that has left: a conversation with the provider,
// and storing what comes of it.
const persistence = 30 * time.Second

// view is what the link's pages have in common.
func (v *request) view(b browser.Browser) page.Link {
	name := v.tenant.Brand.Name
	if name == "" {
		name = v.tenant.ID
	}
	return page.Link{
		Brand: page.Brand{Name: name, Email: v.tenant.Email, LogoURL: v.tenant.Brand.LogoURL, Accent: v.tenant.Brand.Accent},
		App: page.App{
			Slug: v.app.Slug, Name: v.app.CallName(), HelpURL: v.app.HelpURL, OAuth: v.signsIn(), Tried: v.isTried(),
			Doubtful: v.isDoubtful(),
		},
		Unverified: v.link.Status == connect.Active && !v.link.Connection.Verified && v.app.Verify != nil,
		Connection: v.link.Connection.Name, Renews: v.link.Renews, Token: v.token, CSRF: b.CSRF(v.csrfPurpose()),
		At:  authorize.Address(v.app, v.held()),
		For: userHint(v.tenant.Brand.UserHint, v.link.Connection.User),
	}
}

// signsIn reports whether the end user authorizes the app at its provider.
func (v *request) signsIn() bool {
	return v.app.AuthType == string(vending.OAuth) && !v.app.ClientCredentials()
}

// isTried reports whether the app is asked about a credential before that is stored.
func (v *request) isTried() bool { return v.app.ClientCredentials() || v.app.Verify != nil }

// isDoubtful reports whether a credential may be stored of which the app has not said that it takes
// it.
func (v *request) isDoubtful() bool {
	return !v.app.ClientCredentials() && v.app.Verify != nil && !v.refusesUnconfirmed()
}

// asks reports whether the app needs values that the end user enters.
func (v *request) asks() bool { return len(v.app.Asked()) > 0 }

// maxForm bounds the body of a form, in bytes.
const maxForm = 256 << 10

// form reads the form that this very browser was shown.
func (v *request) form() (browser.Browser, error) {
	if err := browser.ReadForm(v.w, v.r, maxForm); err != nil {
		return browser.Browser{}, err
	}
	b := v.jar.Of(v.w, v.r)
	if !b.Sent(v.csrfPurpose(), v.r.PostForm.Get("csrf")) {
		return b, errNoCookie
	}
	return b, nil
}

// redirect sends the browser to another page of the link by GET.
func (v *request) redirect(action string) error {
	to := connect.LinkPath(v.token.Reveal())
	if action != "" {
		to += "/" + action
	}
	v.headers()
	v.w.Header().Set("Location", to)
	v.w.WriteHeader(http.StatusSeeOther)
	return nil
}

func (v *request) headers() {
	page.SecurityHeaders(v.w.Header(), page.HeaderOptions{
		TLS: v.where.secure(), LogoURL: v.tenant.Brand.LogoURL, FrameAncestors: v.tenant.Brand.FrameAncestors,
	})
}

// show answers with a page.
func (v *request) show(status int, view page.View) {
	v.headers()
	if err := v.o.Pages.Serve(v.w, status, view); err != nil && v.r.Context().Err() == nil {
		v.o.Logger.Error("drawing a hosted page", "request", v.where.Request, "error", err)
	}
}

// returnJar is the cookie that brings a browser back from the provider to its link: the database
// holds no request token that could. There is one for each state, so that a callback finds its own
// link, and finds it also when the store has forgotten the state.
func (v *request) returnJar(state connect.Digest) browser.Jar {
	return browser.Jar{Name: fmt.Sprintf("vendgate-return-%x", state[:4]), Secure: v.where.secure()}
}
