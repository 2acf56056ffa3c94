// Command authserver is an OAuth 2 authorization server with an API behind it, for tests: they
// start it as a process of its own and talk to it as they would to a provider. The OAuth is that of
// github.com/ory/fosite.
//
// It must never be reachable from another machine: whoever reaches it may mint grants.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		slog.Error("authserver ended", "error", err)
		os.Exit(1)
	}
}

// run serves until ctx ends. Its first and only line on stdout is the JSON of an [announcement]; by
// then the server accepts connections.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parseOptions(args, stderr)
	if err != nil {
		return err
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", o.listen)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	s, err := newServer(ctx, "http://"+ln.Addr().String(), o, slog.New(slog.NewTextHandler(stderr, nil)))
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	srv := &http.Server{Handler: s.routes(), ReadHeaderTimeout: 10 * time.Second}
	// Close and not Shutdown: a test that ends does not wait for answers that are delayed.
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stop()
	if err := json.NewEncoder(stdout).Encode(s.announcement()); err != nil {
		return errors.Join(fmt.Errorf("announcing the server: %w", err), ln.Close())
	}
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving: %w", err)
	}
	return nil
}

// announcement is what a test must know of the server that it started.
type announcement struct {
	URL          string `json:"url"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
}
