package main

import (
	"fmt"
	"maps"
	"reflect"
	"runtime"
	"slices"
	"strings"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	_ "github.com/vendgate/vendgate" // registers the commands
)

const module = "github.com/vendgate/vendgate"

// commandList describes Vendgate's own commands, by what cobra knows of them.
func commandList() (string, error) {
	var out strings.Builder
	for _, cmd := range commands() {
		describe(&out, cmd)
	}
	if out.Len() == 0 {
		return "", fmt.Errorf("no command of %s is registered: import the package that registers them", module)
	}
	return out.String(), nil
}

// commands are the commands that Vendgate adds to Caddy's, sorted by name.
func commands() []*cobra.Command {
	root := &cobra.Command{Use: "vendgate"}
	registered := caddycmd.Commands()
	for _, name := range slices.Sorted(maps.Keys(registered)) {
		if c := registered[name]; isOurs(c) {
			cmd := &cobra.Command{Use: c.Name + " " + c.Usage, Short: c.Short, Long: c.Long}
			c.CobraFunc(cmd)
			root.AddCommand(cmd)
		}
	}
	return root.Commands()
}

// isOurs reports whether a package of this module builds the command.
func isOurs(c caddycmd.Command) bool {
	if c.CobraFunc == nil {
		return false
	}
	build := runtime.FuncForPC(reflect.ValueOf(c.CobraFunc).Pointer())
	return strings.HasPrefix(build.Name(), module)
}

func describe(out *strings.Builder, cmd *cobra.Command) {
	level := "##"
	if cmd.Parent().HasParent() {
		level = "###"
	}
	fmt.Fprintf(out, "%s %s\n\n", level, cmd.CommandPath())
	if !cmd.HasSubCommands() {
		fmt.Fprintf(out, "```text\n%s\n```\n\n", cmd.UseLine())
	}
	help := strings.TrimSuffix(cmd.Short, ".") + "."
	for _, paragraph := range append([]string{help}, strings.Split(cmd.Long, "\n\n")...) {
		if strings.TrimSpace(paragraph) != "" {
			fmt.Fprintf(out, "%s\n\n", paragraphText(paragraph))
		}
	}
	describeFlags(out, cmd)
	for _, sub := range cmd.Commands() {
		describe(out, sub)
	}
}

// paragraphText wraps a paragraph of a command's help, or each entry of a list there.
func paragraphText(paragraph string) string {
	if !strings.HasPrefix(paragraph, "- ") {
		return wrap(paragraph, "")
	}
	entries := strings.Split(paragraph, "\n- ")
	for i, entry := range entries {
		entries[i] = "- " + wrap(strings.TrimPrefix(entry, "- "), "  ")
	}
	return strings.Join(entries, "\n")
}

// describeFlags lists the flags of the command itself; those of a group of commands are listed
// once, where the group is described.
func describeFlags(out *strings.Builder, cmd *cobra.Command) {
	intro := ""
	if cmd.HasSubCommands() {
		intro = "Each of these commands takes:\n\n"
	}
	var list strings.Builder
	cmd.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden && f.Name != "help" {
			fmt.Fprintf(&list, "- %s\n", wrap(flagText(f), "  "))
		}
	})
	if list.Len() > 0 {
		fmt.Fprintf(out, "%s%s\n", intro, list.String())
	}
}

// flagValues are the values of flags by pflag's name of their types.
var flagValues = map[string]string{"string": " VALUE", "strings": " VALUE,…", "stringArray": " VALUE", "int": " N"}

func flagText(f *pflag.Flag) string {
	kind, usage := pflag.UnquoteUsage(f)
	name := "--" + f.Name + flagValues[kind]
	text := fmt.Sprintf("`%s`: %s.", name, strings.TrimSuffix(usage, "."))
	if isSet := !slices.Contains([]string{"", "false", "0", "0s", "[]"}, f.DefValue); isSet {
		text += fmt.Sprintf(" Default: `%s`.", f.DefValue)
	}
	return text
}
