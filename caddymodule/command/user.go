package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/caddymodule/internal/operator"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/manager"
	"github.com/vendgate/vendgate/connect/store"
)

func userCommands(parent *cobra.Command) {
	var f storeFlags
	f.add(parent)
	parent.Use = "user"
	parent.Long = "An end user may ask what is kept of them, and to have it deleted. Both concern one tenant's end " +
		"user at " +
		"a time. What logs and backups hold is not in the store."
	var tenant, user string
	export := subcommand(parent, "export --tenant NAME --user ADDRESS",
		"Prints all that the store keeps of an end user as JSON; never a secret", 0,
		f.withExisting(func(cmd *cobra.Command, store *store.Store, a config, _ []string) error {
			user, err := connect.ParseUser(user)
			if err != nil {
				return err
			}
			data, err := store.UserData(cmd.Context(), tenant, user)
			if err != nil {
				return err
			}
			m, release, err := a.OpenManager(store, slog.New(slog.DiscardHandler))
			if err != nil {
				return err
			}
			defer func() { _ = release() }()
			return printJSON(cmd.OutOrStdout(), newUserExport(cmd.Context(), m, tenant, user, data))
		}))
	userFlags(export, &tenant, &user)

	var r manager.Revocation
	var yes bool
	erase := subcommand(parent, "erase --tenant NAME --user ADDRESS", "Deletes all that the store keeps of an end user", 0,
		f.withExisting(func(cmd *cobra.Command, store *store.Store, a config, _ []string) error {
			return f.eraseUser(cmd, store, a, r, yes)
		}))
	erase.Long = "Caller keys and connections are deleted, whatever holds them, and each grant is revoked at its " +
		"provider " +
		"first where that can be asked to; the summary lists those that stay valid there. In the audit trail a pseudonym " +
		"takes " +
		"the end user's place: always the same for one end user of one tenant, and without the keyset no one can tell " +
		"whose " +
		"it is.\n\nWhere a revocation fails, that connection is kept and the command exits with 1; run it again, also " +
		"after " +
		"an interruption. Give the --config of the server: without its OAuth clients and apps, most providers cannot be " +
		"asked."
	userFlags(erase, &r.Tenant, &r.User)
	erase.Flags().BoolVar(&r.Unconfirmed, "unconfirmed", false,
		"delete a connection even if its provider did not confirm that it ended the grant")
	yesFlag(erase, &yes)
}

func userFlags(cmd *cobra.Command, tenant, user *string) {
	cmd.Flags().StringVar(tenant, "tenant", "", "the tenant whose end user it is")
	cmd.Flags().StringVar(user, "user", "", "the end user's email address, or the id by which another source knows them")
	_, _ = cmd.MarkFlagRequired("tenant"), cmd.MarkFlagRequired("user") // the flags exist
}

func (f *storeFlags) eraseUser(cmd *cobra.Command, store *store.Store, a config, r manager.Revocation,
	yes bool) error {
	var err error
	if r.User, err = connect.ParseUser(r.User); err != nil {
		return err
	}
	if err := confirm(cmd, yes, fmt.Sprintf("this deletes all that is kept of %s, an end user of tenant %s", r.User,
		r.Tenant), r.User); err != nil {
		return err
	}
	var erased connect.Erasure
	err = f.withManager(cmd, store, a, r, func(ctx context.Context, m *manager.Manager, r manager.Revocation) (err error) {
		erased, err = m.EraseUser(ctx, r)
		return err
	})
	switch {
	case errors.Is(err, connect.ErrUserConnected):
		return errors.New("the end user has connected again meanwhile: run the same command again")
	case err != nil:
		return err
	case erased.AuditRows == 0 && !erased.Before.IsZero():
		_, err = fmt.Fprintf(cmd.ErrOrStderr(), "nothing was left: the end user was erased at %s, as %s\n",
			erased.Before.Format(time.RFC3339), erased.Pseudonym)
	default:
		_, err = fmt.Fprintf(cmd.ErrOrStderr(), "the end user is erased; %d rows of the audit trail now say %s\n",
			erased.AuditRows, erased.Pseudonym)
	}
	return err
}

// userExport is what `user export` prints.
type userExport struct {
	Tenant      string                `json:"tenant"`
	User        string                `json:"user"`
	ExportedAt  time.Time             `json:"exported_at"`
	Connections []userConnection      `json:"connections"`
	CallerKeys  []callerKeyRow        `json:"caller_keys"`
	Audit       []operator.AuditEntry `json:"audit"`
}

// userConnection is a connection with what belongs to it.
type userConnection struct {
	connectionRow
	AuthType string `json:"auth_type"`
	// Account is what the provider calls the account; empty if it did not say.
	Account string `json:"account"`
	// Fields are what was entered, but for secrets.
	Fields map[string]string `json:"fields"`
	Links  []userLink        `json:"links"`
	Holds  []userHold        `json:"holds"`
}

type userLink struct {
	Status    string    `json:"status"`
	Renews    bool      `json:"renews"`
	Opened    bool      `json:"opened"`
	Accepted  bool      `json:"accepted"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

type userHold struct {
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"created_at"`
}

func newUserExport(ctx context.Context, m *manager.Manager, tenant, user string, data connect.UserData) userExport {
	e := userExport{Tenant: tenant, User: user, ExportedAt: time.Now().UTC().Truncate(time.Second),
		Connections: []userConnection{}, CallerKeys: []callerKeyRow{}, Audit: operator.AuditEntries(data.Audit)}
	for _, c := range data.Connections {
		row := userConnection{connectionRow: connectionRowOf(c.Connection), AuthType: string(c.AuthType), Account: c.Account,
			Fields: m.OpenFields(ctx, c.Connection), Links: []userLink{}, Holds: []userHold{}}
		for _, l := range c.Links {
			row.Links = append(row.Links,
				userLink{string(l.Status), l.Renews, l.Opened, l.Accepted, l.CreatedAt, l.ExpiresAt})
		}
		for _, h := range c.Holds {
			row.Holds = append(row.Holds, userHold(h))
		}
		e.Connections = append(e.Connections, row)
	}
	for _, k := range data.CallerKeys {
		e.CallerKeys = append(e.CallerKeys, callerKeyRowOf(k))
	}
	return e
}
