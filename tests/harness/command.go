package harness

import (
	"bytes"
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect/store"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/catalog"
)

// Command runs one of the module's commands as Caddy does, with input on standard input.
func Command(t testing.TB, input string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	return CommandContext(t.Context(), t, input, args...)
}

// CommandContext is Command within a context.
func CommandContext(ctx context.Context, t testing.TB, input string, args ...string) (stdout, stderr string,
	err error) {
	t.Helper()
	command, ok := caddycmd.Commands()[args[0]]
	if !ok {
		t.Fatalf("no command %s", args[0])
	}
	cmd := &cobra.Command{Use: command.Name, Short: command.Short}
	command.CobraFunc(cmd)
	var out, errs bytes.Buffer
	cmd.SetIn(strings.NewReader(input))
	cmd.SetOut(&out)
	cmd.SetErr(&errs)
	cmd.SetArgs(args[1:])
	err = cmd.ExecuteContext(ctx)
	return out.String(), errs.String(), err
}

// noted is what goes to standard error where a key goes to standard output.
var noted = regexp.MustCompile(
	`^(tenant \S+ is in the store in .+\n|note: not verified: .+\n|` +
		`its id, to revoke it by: ckey_\w{11}\nthe base URL that goes with it: \S+\n)?$`)

// MustCommand is Command for what has to succeed; it returns the standard output.
func MustCommand(t testing.TB, input string, args ...string) string {
	t.Helper()
	out, errs, err := Command(t, input, args...)
	if err != nil || !noted.MatchString(errs) {
		t.Fatalf("%q: %v\n%s", args, err, errs)
	}
	return out
}

// OpenStore opens the store in dir, that commands or a gateway worked on, until the test ends.
func OpenStore(t testing.TB, dir string) *store.Store {
	t.Helper()
	store, err := store.Open(t.Context(), store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

// CommunityApp returns the slug of an app that is off by default.
func CommunityApp(t testing.TB) string {
	t.Helper()
	on, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	all, err := catalog.Embedded("*")
	if err != nil {
		t.Fatal(err)
	}
	for _, slug := range all.Slugs() {
		if on.Off(slug) {
			return slug
		}
	}
	t.Fatal("the catalog has no app of the community")
	return ""
}
