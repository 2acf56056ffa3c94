package command_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// moduleCommands are all commands that the module adds to Caddy. TestModuleCommands holds the list
// against what is registered.
var moduleCommands = []string{"app", "audit", "caller-key", "connection", "keyset", "oauth-client", "playground",
	"store", "tenant"}

// leaves calls f with each command that runs, and the words by which it is called.
func leaves(t *testing.T, f func(words []string, cmd *cobra.Command)) {
	t.Helper()
	var walk func(words []string, cmd *cobra.Command)
	walk = func(words []string, cmd *cobra.Command) {
		if !cmd.HasSubCommands() {
			f(words, cmd)
		}
		for _, sub := range cmd.Commands() {
			walk(append(slices.Clone(words), sub.Name()), sub)
		}
	}
	for _, name := range moduleCommands {
		cmd := &cobra.Command{Use: name}
		caddycmd.Commands()[name].CobraFunc(cmd)
		walk([]string{name}, cmd)
	}
}

// emptyForms are what an unset variable of a shell, or a slip, makes of a flag's value.
func emptyForms(flag *pflag.Flag) []string {
	forms := []string{"", " ", "\t \n", "\u00a0"}
	switch flag.Value.Type() {
	case "stringSlice":
		forms = append(forms, ",", "GET,", ",GET", "GET, ,POST", `""`, `GET,""`)
	case "stringArray":
		forms = append(forms, "\u2003")
	}
	return forms
}

// TestEmptyFlags gives every flag of every command nothing: with its bound left out a key would
// have none, and a list would show all. Nothing may be written.
func TestEmptyFlags(t *testing.T) {
	count := 0
	leaves(t, func(words []string, cmd *cobra.Command) {
		cmd.InheritedFlags() // merges those of the parents
		cmd.Flags().VisitAll(func(flag *pflag.Flag) {
			if flag.Name == "help" {
				return
			}
			count++
			for _, form := range emptyForms(flag) {
				refusesEmpty(t, words, cmd, "--"+flag.Name+"="+form)
			}
		})
	})
	if count < 60 {
		t.Errorf("only %d flags were seen", count)
	}
}

// refusesEmpty runs a command with all else that it needs and, last, with one flag empty.
func refusesEmpty(t *testing.T, words []string, cmd *cobra.Command, empty string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "store")
	args := slices.Concat(words, []string{"--json"}, argumentsFor(cmd))
	if flag, _, _ := strings.Cut(empty, "="); flag != "--data" && cmd.Flags().Lookup("data") != nil {
		args = append(args, "--data="+dir)
	}
	out, err := runEnded(t, append(args, empty)...)
	name, _, _ := strings.Cut(strings.TrimPrefix(empty, "--"), "=")
	if err == nil || !strings.Contains(err.Error(), "--"+name) || out != "" {
		t.Errorf("%q with %q: %v, printed %q", words, empty, err, out)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%q with %q made the store: %v", words, empty, err)
	}
}

// runEnded is run for commands that are to be refused. The playground, should it not be, ends at
// once.
func runEnded(t *testing.T, args ...string) (stdout string, err error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if args[0] == "playground" {
		cancel()
	}
	stdout, _, err = runContext(ctx, t, "", args...)
	return stdout, err
}

// argumentsFor are as many arguments as a command takes, as its usage writes them.
func argumentsFor(cmd *cobra.Command) (args []string) {
	for _, word := range strings.Fields(cmd.Use)[1:] {
		if strings.HasPrefix(word, "-") {
			break // what follows are flags
		}
		args = append(args, "x"+strings.ToLower(strings.Trim(word, "[]")))
	}
	return args
}

// TestEmptySecondFlag: of a flag that is repeated each value counts.
func TestEmptySecondFlag(t *testing.T) {
	for _, flag := range []string{"--method", "--app", "--path"} {
		out, _, err := run(t, "", "caller-key", "create", "--tenant", "acme", "--connection", "conn_1", flag, "/GET", flag,
			"")
		if err == nil || !strings.Contains(err.Error(), flag+`" flag: it is empty`) || out != "" {
			t.Errorf("%s: %v, printed %q", flag, err, out)
		}
	}
}

// TestSwallowedFlags: an unset variable outside quotes, `--name $NAME --path=/models/**`, makes the
// next flag the value, and the key would have no bound.
func TestSwallowedFlags(t *testing.T) {
	create := []string{"caller-key", "create", "--data", filepath.Join(t.TempDir(), "store"), "--tenant", "acme",
		"--connection", "conn_1"}
	for flag, next := range map[string]string{
		"--name": "--path=/models/**", "--user": "--path", "--method": "--expires=24h", "--app": "--path=/x",
		"--path": "--budget=3",
	} {
		out, _, err := run(t, "", append(slices.Clone(create), flag, next)...)
		if err == nil || !strings.Contains(err.Error(), flag+`" flag: it is a flag itself`) || out != "" {
			t.Errorf("%s %s: %v, printed %q", flag, next, err, out)
		}
	}
	dir := filepath.Join(t.TempDir(), "store")
	must(t, "", "tenant", "create", "acme", "--data", dir, "--email", "dev@acme.example", "--name", "-- Acme --",
		"--user-hint", "--{user}")
}

// TestEmptyArguments gives every command nothing for each of its arguments.
func TestEmptyArguments(t *testing.T) {
	count := 0
	leaves(t, func(words []string, cmd *cobra.Command) {
		full := argumentsFor(cmd)
		for i := range full {
			for _, empty := range []string{"", " ", "\n"} {
				count++
				args := slices.Clone(full)
				args[i] = empty
				dir := filepath.Join(t.TempDir(), "store")
				args = append(args, requiredFlags(cmd)...)
				if cmd.InheritedFlags().Lookup("data") != nil {
					args = append(args, "--data", dir)
				}
				out, err := runEnded(t, append(slices.Clone(words), args...)...)
				if err == nil || !strings.Contains(err.Error(), "is empty") || out != "" {
					t.Errorf("%q with %q: %v, printed %q", words, args, err, out)
				}
				if _, err := os.Stat(dir); !os.IsNotExist(err) {
					t.Errorf("%q with %q made the store: %v", words, args, err)
				}
			}
		}
	})
	if count < 30 {
		t.Errorf("only %d arguments were tried", count)
	}
}

// requiredFlags are the flags that a command cannot do without, with some value.
func requiredFlags(cmd *cobra.Command) (flags []string) {
	cmd.Flags().VisitAll(func(flag *pflag.Flag) {
		if len(flag.Annotations[cobra.BashCompOneRequiredFlag]) > 0 {
			flags = append(flags, "--"+flag.Name, "x@example.com")
		}
	})
	return flags
}

// TestModuleCommands: a command that is added later is walked, too.
func TestModuleCommands(t *testing.T) {
	var ours []string
	for name, command := range caddycmd.Commands() {
		if strings.Contains(command.Short, "Vendgate") || strings.Contains(command.Short, "catalog of apps") {
			ours = append(ours, name)
		}
	}
	slices.Sort(ours)
	if !slices.Equal(ours, moduleCommands) {
		t.Errorf("the module has the commands %q", ours)
	}
}
