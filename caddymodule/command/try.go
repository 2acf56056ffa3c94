package command

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/oauth/authorize"
	"github.com/vendgate/vendgate/connect/store"
)

// tryFlags say what becomes of a credential that its provider does not confirm.
type tryFlags struct{ unconfirmed, skip bool }

func (f *tryFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.unconfirmed, "unconfirmed", false,
		"store it, not verified, even if the provider neither accepts nor refuses it")
	cmd.Flags().BoolVar(&f.skip, "no-verify", false, "store it, not verified, without asking the provider")
	cmd.MarkFlagsMutuallyExclusive("unconfirmed", "no-verify")
}

// check refuses what the tenant does not take.
func (f *tryFlags) check(ctx context.Context, store *store.Store, a config, tenant string) error {
	if !f.unconfirmed {
		return nil
	}
	takes, err := a.unconfirmed(ctx, store, tenant)
	if err == nil && takes == connect.RefuseUnconfirmed {
		err = fmt.Errorf("tenant %s takes only credentials that their provider confirms: leave --unconfirmed out, or set "+
			"the tenant's unconfirmed to ask", tenant)
	}
	return err
}

// unconfirmed is what a tenant says of such credentials: in the configuration, or else in the
// store.
func (a config) unconfirmed(ctx context.Context, store *store.Store, tenant string) (string, error) {
	for _, t := range a.Tenants {
		if t.ID == tenant && t.Unconfirmed != "" {
			return t.Unconfirmed, nil
		}
	}
	t, err := store.Tenant(ctx, tenant)
	if errors.Is(err, connect.ErrTenantUnknown) { // one of the configuration
		return "", nil
	}
	return t.Brand.Unconfirmed, err
}

// grant tries g with the provider of app, under the app's guard, as the gateway would.
func (f *tryFlags) grant(ctx context.Context, a config, app *catalog.App, g connect.Grant) (connect.Grant, error) {
	if f.skip {
		return g, nil
	}
	transport, release, err := a.OpenTransport(app)
	if err != nil {
		return connect.Grant{}, err
	}
	defer release()
	authorizer := authorize.New(authorize.Options{Transport: func(*catalog.App) http.RoundTripper { return transport }})
	g, err = authorizer.Imported(ctx, app, g, f.unconfirmed)
	return g, inImport(err)
}

// replacement is grant for one that takes the place of held, at the same address. By which names
// the site there calls itself is found by asking it, and known already where it is not asked.
func (f *tryFlags) replacement(ctx context.Context, a config, app *catalog.App,
	held, g connect.Grant) (connect.Grant, error) {
	if names := held.Reveal().SiteNames; f.skip && len(names) > 0 {
		v := g.Reveal()
		v.SiteNames = names
		g = connect.NewGrant(v)
	}
	return f.grant(ctx, a, app, g)
}

// inImport says of what came of a trial what an operator can do.
func inImport(err error) error {
	var p *authorize.Error
	if !errors.As(err, &p) {
		return err
	}
	message := "the credential was not stored: " + strings.TrimSuffix(p.Message(), ".")
	switch p.Kind {
	case authorize.Unconfirmed:
		message += "; --unconfirmed stores it anyway"
	case authorize.Unreachable, authorize.HostUnreachable, authorize.WrongHost, authorize.Malformed:
		message += "; --no-verify stores it without asking"
	}
	if p.Err != nil {
		return fmt.Errorf("%s (%w)", message, p.Err)
	}
	return errors.New(message)
}
