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
	// link, app and tenant are set by load.
	link   connect.LinkState
	app    *catalog.App
	tenant connect.Tenant
}

// errNoCookie says that a form came without the cookie it was bound to, or with another's.
var errNoCookie = errors.New("the form was not sent by the browser that it was shown to")

// csrfPurpose is what the forms of a link are bound to.
func (req *request) csrfPurpose() string { return "link " + string(req.digest[:]) }

// load takes the link that was read, and finds what its pages show.
func (req *request) load(l connect.LinkState, err error) error {
	if err != nil {
		return err
	}
	req.link = l
	var ok bool
	if req.app, ok = req.o.Catalog(l.Connection.App); !ok {
		return vending.Refuse(vending.UnknownApp,
			"the app of this link is no longer available; please ask your requester for help")
	}
	req.tenant, err = req.requester(l)
	return err
}

// requester is the tenant of a link. Without a live one the link has ended, because there is no one
// to give access to.
func (req *request) requester(l connect.LinkState) (connect.Tenant, error) {
	t, err := req.o.Tenant(req.r.Context(), l.Connection.Tenant)
	if errors.Is(err, connect.ErrTenantUnknown) || err == nil && t.Disabled {
		return connect.Tenant{}, connect.ErrLinkEnded
	}
	return t, err
}

// detach keeps what follows going when the browser leaves: the provider is about to make a grant
// that exists only here.
func (req *request) detach() (done func()) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(req.r.Context()), detachedTimeout)
	req.r = req.r.WithContext(ctx)
	return cancel
}

// detachedTimeout bounds what is done for a browser that has left: a conversation with the
// provider, and storing what comes of it.
const detachedTimeout = 30 * time.Second

// view is what the link's pages have in common.
func (req *request) view(b browser.Browser) page.Link {
	name := req.tenant.Brand.Name
	if name == "" {
		name = req.tenant.ID
	}
	return page.Link{
		Brand: page.Brand{Name: name, Email: req.tenant.Email, LogoURL: req.tenant.Brand.LogoURL,
			Accent: req.tenant.Brand.Accent},
		App: page.App{
			Slug: req.app.Slug, Name: req.app.CallName(), HelpURL: req.app.HelpURL, OAuth: req.signsIn(),
			Verified:     req.isVerified(),
			Inconclusive: req.mayStayUnconfirmed(),
		},
		Unverified: req.link.Status == connect.Active && !req.link.Connection.Verified && req.app.Verify != nil,
		Connection: req.link.Connection.Name, Renews: req.link.Renews,
		Lost:  req.link.Renews && req.link.Connection.NeedsReconnection,
		Token: req.token, CSRF: b.CSRF(req.csrfPurpose()),
		At:      authorize.Address(req.app, req.connectionAddress()),
		Account: req.link.Connection.Account,
		For:     userHint(req.tenant.Brand.UserHint, req.link.Connection.User),
	}
}

// signsIn reports whether the end user authorizes the app at its provider.
func (req *request) signsIn() bool {
	return req.app.AuthType == string(vending.OAuth) && !req.app.ClientCredentials()
}

// isVerified reports whether the app is asked about a credential before that is stored.
func (req *request) isVerified() bool { return req.app.ClientCredentials() || req.app.Verify != nil }

// mayStayUnconfirmed reports whether a credential may be stored that the app did not confirm.
func (req *request) mayStayUnconfirmed() bool {
	return !req.app.ClientCredentials() && req.app.Verify != nil && !req.refusesUnconfirmed()
}

// hasForm reports whether the app needs values that the end user enters.
func (req *request) hasForm() bool { return len(req.app.Asked()) > 0 }

// maxForm bounds the body of a form, in bytes.
const maxForm = 256 << 10

// form reads the form that this very browser was shown.
func (req *request) form() (browser.Browser, error) {
	if err := browser.ReadForm(req.w, req.r, maxForm); err != nil {
		return browser.Browser{}, err
	}
	b := req.jar.Of(req.w, req.r)
	if !b.Sent(req.csrfPurpose(), req.r.PostForm.Get("csrf")) {
		return b, errNoCookie
	}
	return b, nil
}

// redirect sends the browser to another page of the link by GET.
func (req *request) redirect(action string) error {
	to := connect.LinkPath(req.token.Reveal())
	if action != "" {
		to += "/" + action
	}
	req.headers(false)
	req.w.Header().Set("Location", to)
	req.w.WriteHeader(http.StatusSeeOther)
	return nil
}

func (req *request) headers(script bool) {
	page.SecurityHeaders(req.w.Header(), page.HeaderOptions{
		TLS: req.where.secure(), Script: script,
		LogoURL: req.tenant.Brand.LogoURL, FrameAncestors: req.tenant.Brand.FrameAncestors,
	})
}

// show answers with a page.
func (req *request) show(status int, view page.View) {
	scripted, ok := view.(interface{ Scripted() bool })
	req.headers(ok && scripted.Scripted())
	if err := req.o.Pages.Serve(req.w, status, view); err != nil && req.r.Context().Err() == nil {
		req.o.Logger.Error("drawing a hosted page", "request", req.where.Request, "error", err)
	}
}

// maxReturns is how many return cookies a browser keeps of one link.
const maxReturns = 5

// setReturn sets the return cookie of a state, and removes the oldest ones of the link: each begin
// at a provider makes one, of which those that were given up would stay for an hour.
func (req *request) setReturn(state connect.Digest) {
	token := req.token.Reveal()
	older := browser.Jar{Name: returnPrefix, Secure: req.where.secure()}.Holding(req.r, token)
	for len(older) >= maxReturns {
		older[0].Set(req.w, "", -1)
		older = older[1:]
	}
	req.returnJar(state).Set(req.w, token, 3600)
}

const returnPrefix = "vendgate-return-"

// returnJar is the cookie that brings a browser back from the provider to its link: the database
// holds no request token that could. There is one for each state, so that a callback finds its own
// link, and finds it also when the store has forgotten the state.
func (req *request) returnJar(state connect.Digest) browser.Jar {
	return browser.Jar{Name: fmt.Sprintf("%s%x", returnPrefix, state[:4]), Secure: req.where.secure()}
}
