package pipedream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// The defaults of [Options].
const (
	// DefaultEndpoint is Pipedream's API.
	DefaultEndpoint = "https://api.pipedream.com"
	// DefaultTimeout bounds one vend.
	DefaultTimeout = 10 * time.Second
)

// Options say which project to ask, and as whom.
type Options struct {
	// Endpoint is the root of the API; empty means [DefaultEndpoint]. It has no user info, query or
	// fragment.
	Endpoint string
	// AllowHTTP permits a plain `http` Endpoint. The client secret and credentials then travel in the
	// clear.
	AllowHTTP bool
	// Transport makes the calls, and carries relayed requests. It is required, so that no call is
	// unguarded by omission; its idle connections are the caller's to close. Redirects are not
	// followed whatever it is.
	Transport http.RoundTripper
	// Project is the project's id, `proj_…`.
	Project string
	// Environment is `production` or `development`: accounts of the other one do not exist.
	Environment string
	// ClientID and ClientSecret are the OAuth client of the workspace's API settings.
	ClientID     string
	ClientSecret vending.Secret
	// Tenants are those whose accounts the project holds, one at least. Pipedream knows no tenants:
	// the end users of all of these share their names, and any other tenant has no account here.
	Tenants []string
	// ExternalIDs says that end users are named by opaque ids, compared byte for byte. Else they are
	// email addresses, and an account's external id counts lower-cased and trimmed.
	ExternalIDs bool
	// Catalog knows the apps. It is required.
	Catalog *catalog.Catalog
	// Apps say by our slug what Pipedream calls an app. One that is not here goes by our slug with `_`
	// for `-`.
	Apps map[string]App
	// Timeout bounds one vend with all its calls, and a fetch of the access token; 0 means
	// [DefaultTimeout].
	Timeout time.Duration
	// Logger is told when Pipedream refuses the OAuth client, and when it has found no account at
	// all; nil discards it.
	Logger *slog.Logger
}

// New makes a source, which must be closed. An unusable option is an error that names it, and never
// holds a secret: an Endpoint is not repeated, as it may carry a password.
func New(o Options) (*Source, error) {
	if o.Endpoint == "" {
		o.Endpoint = DefaultEndpoint
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	base, err := vending.ParseEndpoint(o.Endpoint, o.AllowHTTP)
	if err != nil {
		return nil, fmt.Errorf("endpoint: %w", err)
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	s := &Source{
		connect: base + "/v1/connect/" + o.Project, project: o.Project, environment: o.Environment, transport: o.Transport,
		externalIDs: o.ExternalIDs, catalog: o.Catalog, apps: maps.Clone(o.Apps), named: make(map[string]bool),
		timeout: o.Timeout, logger: o.Logger,
		tenants: make(map[string]bool),
	}
	for _, tenant := range o.Tenants {
		s.tenants[tenant] = true
	}
	for _, app := range o.Apps {
		s.named[app.NameSlug] = true
	}
	client := oauthClient{base + "/v1/oauth/token", o.ClientID, o.ClientSecret}
	s.tokens.fetch = func(ctx context.Context) (projectToken, error) { return s.fetchToken(ctx, client) }
	s.tokens.open(o.Timeout)
	return s, nil
}

func (o *Options) check() error {
	switch {
	case o.Transport == nil, o.Catalog == nil:
		return errors.New("a transport and a catalog are required")
	case !validID(o.Project, "proj_"):
		return errors.New("project: write the project's id, like proj_abc123")
	case o.Environment != "production" && o.Environment != "development":
		return errors.New("environment: write production or development")
	case o.ClientID == "":
		return errors.New("client_id is missing: write the id of the OAuth client in the workspace's API settings")
	case o.ClientSecret.IsZero():
		return errors.New("client_secret is missing: write the secret of the OAuth client in the workspace's API settings")
	case len(o.Tenants) == 0, slices.Contains(o.Tenants, ""):
		return errors.New("tenant is missing: name the tenants whose accounts the project holds")
	case o.Timeout < 0:
		return errors.New("timeout is negative")
	}
	return checkApps(o.Catalog, o.Apps)
}

// maxID bounds an id of Pipedream's in bytes; the ones seen have about ten.
const maxID = 128

// validID reports whether id is one of Pipedream's with that prefix: a path's segment as it is.
func validID(id, prefix string) bool {
	rest, ok := strings.CutPrefix(id, prefix)
	return ok && rest != "" && len(id) <= maxID &&
		strings.Trim(rest, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") == ""
}
