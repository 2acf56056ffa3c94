package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/manager"
	"github.com/vendgate/vendgate/connect/store"
)

// revokeGrantsCommand adds `tenant revoke-grants`.
func revokeGrantsCommand(parent *cobra.Command, f *storeFlags) {
	var r manager.Revocation
	var yes bool
	cmd := subcommand(parent, "revoke-grants NAME",
		"Ends every grant of a tenant, or of one of its apps, at the providers and in the store", 1,
		f.withExisting(func(cmd *cobra.Command, store *store.Store, a config, args []string) error {
			r.Tenant = args[0]
			if err := a.mustHaveStored(cmd.Context(), store, r); err != nil {
				return err
			}
			what := "this ends the grants of all connections of tenant " + r.Tenant
			if r.App != "" {
				what += " to " + r.App
			}
			if err := confirm(cmd, yes, what, r.Tenant); err != nil {
				return err
			}
			return f.withManager(cmd, store, a, r, func(ctx context.Context, m *manager.Manager, r manager.Revocation) error {
				return m.Revoke(ctx, r)
			})
		}))
	cmd.Long = "For an incident. Where a provider can be asked to, it revokes the grant; then what is stored of it is " +
		"erased, and the connection needs reconnection. What a provider cannot revoke, such as an API key, is erased " +
		"all the " +
		"same, unless --keep is given, and listed: it stays valid until it is withdrawn at the provider.\n\n" +
		"A provider that asks to wait is waited for. A grant whose revocation failed is kept, and no longer refreshed; the " +
		"command then exits with 1. It can be repeated, also after Ctrl-C or a crash: what is done is not done again. A " +
		"connection whose end user has connected again meanwhile is revoked again.\n\n" +
		"Give the --config of the server: without its OAuth clients and apps, most providers cannot be asked."
	cmd.Flags().StringVar(&r.App, "app", "", "only the connections to the app of this slug")
	cmd.Flags().BoolVar(&r.Keep, "keep", false, "leave what no provider can revoke as it is: it stays in use")
	cmd.Flags().BoolVar(&r.Unconfirmed, "unconfirmed", false,
		"erase a grant even if its provider did not confirm that it ended it; it can then not be tried again")
	yesFlag(cmd, &yes)
}

// mustHaveStored spares the operator a mistyped name, for which nothing would be done successfully.
func (a config) mustHaveStored(ctx context.Context, store *store.Store, r manager.Revocation) error {
	counts, err := store.AppCounts(ctx, connect.Filter{Tenant: r.Tenant, App: r.App})
	if err != nil || len(counts) > 0 {
		return err
	}
	if err := a.KnowsTenant(ctx, store, r.Tenant); err != nil && !errors.Is(err, connect.ErrTenantDisabled) {
		return err
	}
	return errors.New("the tenant has no such connections: there is nothing to revoke")
}

// withManager runs a command that reaches providers, shows how far it has come, and prints a
// summary in the end. Ctrl-C lets it finish what it has begun.
func (f *storeFlags) withManager(cmd *cobra.Command, store *store.Store, a config, r manager.Revocation,
	run func(context.Context, *manager.Manager, manager.Revocation) error) error {
	m, release, err := a.OpenManager(store, slog.New(slog.DiscardHandler)) // what fails is in the summary
	if err != nil {
		return err
	}
	defer func() { _ = release() }()
	counts, err := store.AppCounts(cmd.Context(), connect.Filter{Tenant: r.Tenant, User: r.User, App: r.App})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s := newSummary(counts, cmd.ErrOrStderr(), time.Now)
	r.Report = s.add
	err = run(ctx, m, r)
	return errors.Join(s.print(cmd.OutOrStdout(), f.json), s.verdict(err))
}

// verdict is what a command ends with.
func (s *summary) verdict(err error) error {
	var incomplete *manager.IncompleteError
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("interrupted after %d of %d connections: run the same command again for the rest", s.done, s.total)
	case err != nil && !errors.As(err, &incomplete):
		return err
	case len(s.Failed) > 0:
		return fmt.Errorf("%d grants could not be revoked at their providers: run the same command again, or add "+
			"--unconfirmed to give them up", len(s.Failed))
	}
	return err
}
