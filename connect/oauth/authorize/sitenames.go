package authorize

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/inject"
	"github.com/vendgate/vendgate/internal/httpx"
	"github.com/vendgate/vendgate/vending"
)

// maxSiteNames bounds what is kept of the names of one site; more than two are not known.
const maxSiteNames = 4

var errNoNames = errors.New("the site does not report its own address")

// siteNames returns the addresses that the site of a connection reports as its own, without the one
// that the connection has. They serve only to recognize links, so a connection can do without them,
// and nothing is ever sent there: a site may report anything.
func (a *Authorizer) siteNames(ctx context.Context, app *catalog.App, cred vending.Credential) []string {
	if app.SiteNames == nil {
		return nil
	}
	bounded, cancel := context.WithTimeout(ctx, a.o.Timeout)
	defer cancel()
	answer, err := a.askSite(bounded, app, cred)
	if err != nil {
		a.o.Logger.Debug("a site does not report its own address", "app", app.Slug, "error", err)
		return nil
	}
	own := ownSite(app, cred)
	var names []string
	for _, path := range app.SiteNames.Paths {
		text := lookup(answer, path, nil)
		if app.SiteNames.Pattern != "" {
			text = catalog.Find(app.SiteNames.Pattern, text)
		}
		site, ok := inject.ParseSite(text)
		if name := site.String(); ok && name != own && !slices.Contains(names, name) && len(names) < maxSiteNames {
			names = append(names, name)
		}
	}
	return names
}

// askSite returns the answer of the site to app's request for its names, which goes to the
// connection's own address.
func (a *Authorizer) askSite(ctx context.Context, app *catalog.App, cred vending.Credential) (answer any, err error) {
	placement, err := inject.NewPlacement(namesProbe(app))
	if err != nil {
		return nil, err
	}
	r, err := placement.Verify(ctx, cred)
	if err != nil {
		return nil, err
	}
	res, err := httpx.Do(a.injecting(app), r, maxCaptureAnswer)
	switch {
	case err != nil:
		return nil, callingUpstream(err)
	case res.Status != 200:
		return nil, errNoNames
	}
	return parse(string(res.Body))
}

// namesProbe is app with the request for its site's names for its verify request.
func namesProbe(app *catalog.App) *catalog.App {
	scheme, rest, _ := strings.Cut(app.SiteNames.URL, "://")
	end := strings.IndexAny(rest+"/", "/?")
	probe := *app
	probe.Upstream = scheme + "://" + rest[:end]
	path := rest[end:]
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	probe.Verify = &catalog.Verify{Path: path, Headers: map[string]string{"Accept": "application/json"}}
	if app.Placement != nil {
		placed := *app.Placement
		placed.PathPrefix, placed.OtherPrefixes = "", nil
		probe.Placement = &placed
	}
	return &probe
}

// ownSite is the address that the connection has, as a name.
func ownSite(app *catalog.App, cred vending.Credential) string {
	scheme, host, _ := strings.Cut(app.SiteNames.URL, "://")
	own, err := inject.Endpoint(app, scheme+"://"+host[:strings.IndexAny(host+"/", "/?")], cred.Field)
	if err != nil {
		return ""
	}
	site, _ := inject.ParseSite(own)
	return site.String()
}
