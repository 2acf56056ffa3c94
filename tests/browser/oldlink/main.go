// Command oldlink makes a request link by a clock that is two days and an hour late, so that it has
// expired by everybody else's. It prints the link's path and the connection's id as JSON.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/vending"
)

// age is that of the link: an hour more than a link lives.
const age = 49 * time.Hour

func main() {
	dir := flag.String("data", "", "`directory` of the store")
	var c connect.Connection
	flag.StringVar(&c.Tenant, "tenant", "", "the `tenant` whose link it is")
	flag.StringVar(&c.User, "user", "", "the end user's `address`")
	flag.StringVar(&c.App, "app", "", "the app's `slug`")
	flag.StringVar(&c.Name, "name", "", "the connection's `name`")
	flag.StringVar((*string)(&c.AuthType), "auth-type", string(vending.APIKey), "how the app authorizes")
	flag.Parse()
	if err := run(context.Background(), *dir, c); err != nil {
		fmt.Fprintln(os.Stderr, "oldlink:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir string, c connect.Connection) error {
	store, err := store.Open(ctx, store.Options{Dir: dir, Now: func() time.Time { return time.Now().Add(-age) }})
	if err != nil {
		return fmt.Errorf("opening the store: %w", err)
	}
	defer store.Close() //nolint:contextcheck // it bounds its own
	link, err := store.CreateLink(ctx, c)
	if err != nil {
		return fmt.Errorf("making the link: %w", err)
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]string{"connection_id": link.Connection.ID,
		"path": connect.LinkPath(link.Token.Reveal())})
}
