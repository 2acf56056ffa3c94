package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/caddymodule"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
)

// config is the configuration that a command goes by, of which it runs nothing.
type config struct {
	*caddymodule.App
	// read says that there was a file.
	read bool
}

// readConfig reads the vendgate app of a configuration file; it is the zero app without a file, or
// where the file has none.
func readConfig(file, adapter string) (config, error) {
	c := config{App: new(caddymodule.App), read: file != ""}
	if file == "" {
		return c, nil
	}
	raw, err := adaptFile(file, adapter)
	if err != nil {
		return c, fmt.Errorf("reading %s: %w", file, err)
	}
	var whole struct {
		Apps struct {
			Vendgate *caddymodule.App `json:"vendgate"`
		} `json:"apps"`
	}
	whole.Apps.Vendgate = c.App
	if err := json.Unmarshal(raw, &whole); err != nil {
		return c, fmt.Errorf("reading %s: %w", file, err)
	}
	return c, nil
}

// adaptFile reads a configuration file as JSON. Caddy's own LoadConfig does the same, and writes
// lines of its log while it does; what an adapter warns of concerns the server.
func adaptFile(file, adapter string) ([]byte, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if adapter == "" && isCaddyfile(file) {
		adapter = "caddyfile"
	}
	if adapter == "" {
		if !json.Valid(raw) {
			return nil, errors.New("it is not JSON: correct it, or name its format with --adapter")
		}
		return raw, nil
	}
	a := caddyconfig.GetAdapter(adapter)
	if a == nil {
		return nil, fmt.Errorf("--adapter %q is unknown: write caddyfile, or leave it out", adapter)
	}
	raw, _, err = a.Adapt(raw, map[string]any{"filename": file})
	return raw, err
}

// isCaddyfile judges by a file's name as Caddy does.
func isCaddyfile(file string) bool {
	name := strings.ToLower(filepath.Base(file))
	return filepath.Ext(name) != ".json" &&
		(strings.HasPrefix(name, "caddyfile") || strings.HasSuffix(name, ".caddyfile"))
}

// originFlag adds the flag by which a command learns under which origin end users and agents reach
// the gateway.
func originFlag(cmd *cobra.Command, origin *string) {
	cmd.Flags().StringVar(origin, "public-url", "",
		"scheme and host of the gateway, like https://gateway.example (default: public_url of --config)")
}

// origin returns what --public-url says or else the configuration; "" if neither does.
func (a config) origin(flag string) (string, error) {
	if flag != "" {
		a.PublicURL = flag
	}
	return a.Origin()
}

// mustOrigin is origin for a command that cannot do without.
func (a config) mustOrigin(flag string) (string, error) {
	origin, err := a.origin(flag)
	if err == nil && origin == "" {
		err = errors.New("a link needs to know where the gateway is reached: write --public-url https://…, or " +
			"public_url in the --config")
	}
	return origin, err
}

// mustKnow spares the operator something that no one can use because of a typing error.
func (a config) mustKnow(ctx context.Context, store *store.Store, id string) error {
	err := a.KnowsTenant(ctx, store, id)
	if errors.Is(err, connect.ErrTenantUnknown) {
		return fmt.Errorf("there is no tenant %q in this store: create it with `tenant create`, or name the --config "+
			"that defines it", id)
	}
	return err
}

// sourceOf returns the source that vends for a tenant.
func (a config) sourceOf(ctx context.Context, store *store.Store, id string) (caddymodule.SourceInfo, error) {
	t, err := store.Tenant(ctx, id)
	if err != nil && !errors.Is(err, connect.ErrTenantUnknown) { // one of the configuration
		return caddymodule.SourceInfo{}, err
	}
	return a.SourceOf(id, t.Source)
}

// mustConnect spares the operator a connection that no call would find, because another source
// vends for the tenant.
func (a config) mustConnect(ctx context.Context, store *store.Store, id string) error {
	if err := a.mustKnow(ctx, store, id); err != nil {
		return err
	}
	source, err := a.sourceOf(ctx, store, id)
	if err == nil && !source.UsesStore {
		err = fmt.Errorf("source %s vends for tenant %s, so no call would find a connection of this store: connect "+
			"the account there, or give the tenant a source of type local", source.Name, id)
	}
	return err
}
