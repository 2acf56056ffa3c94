package caddymodule

import (
	"encoding/csv"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// errEmpty is what is said of a value that was given and is empty: mostly a variable of the shell
// that is not set. Many flags mean "no bound" where they are left out, and an empty one must not.
var (
	errEmpty = errors.New("it is empty: give it a value, or leave the flag out; " +
		"a shell variable in it may not be set")
	errEmptyElement = errors.New("it has an empty element: write values with one comma between them; " +
		"a shell variable in it may not be set")
	errSwallowed = errors.New("it is a flag itself, and so the value is missing: " +
		"a shell variable before it may not be set; put variables in quotes")
)

// longFlag is how a flag is written. As a value it is the next flag, which an unset variable
// outside quotes left in the place of the value: `--name $NAME --path=/x` would make a key without
// a bound.
var longFlag = regexp.MustCompile(`^--[a-z][a-z-]*(=|$)`)

// refuseEmpty makes a command and all below it refuse flags and arguments that are given and empty,
// and flags whose value is the next flag, before anything runs.
func refuseEmpty(cmd *cobra.Command) {
	for _, flags := range []*pflag.FlagSet{cmd.PersistentFlags(), cmd.Flags()} {
		flags.VisitAll(func(flag *pflag.Flag) {
			if _, done := flag.Value.(givenValue); !done {
				flag.Value = givenValue{flag.Value}
			}
		})
	}
	if takes := cmd.Args; takes != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := takes(cmd, args); err != nil {
				return fmt.Errorf("%w; write `%s`", err, cmd.UseLine())
			}
			return checkArguments(cmd, args)
		}
	}
	for _, sub := range cmd.Commands() {
		refuseEmpty(sub)
	}
}

func checkArguments(cmd *cobra.Command, args []string) error {
	for i, arg := range args {
		if isBlank(arg) {
			return fmt.Errorf("argument %d of `%s` is empty; a shell variable in it may not be set", i+1, cmd.CommandPath())
		}
	}
	return nil
}

// givenValue is the value of a flag that must not be set to nothing. It checks what is given each
// time, since a list that is given twice does not show that the second one was empty.
type givenValue struct{ pflag.Value }

// Set implements pflag.Value.
func (v givenValue) Set(text string) error {
	if isBlank(text) {
		return errEmpty
	}
	if longFlag.MatchString(text) {
		return errSwallowed
	}
	if v.Type() == "stringSlice" {
		// As pflag splits it; what it cannot read it refuses itself.
		elements, _ := csv.NewReader(strings.NewReader(text)).Read()
		for _, element := range elements {
			if isBlank(element) {
				return errEmptyElement
			}
		}
	}
	return v.Value.Set(text)
}

// isBlank reports whether text says nothing: it is empty, or white space.
func isBlank(text string) bool { return strings.TrimSpace(text) == "" }
