// Package given refuses what was given to a command and says nothing: an empty flag is mostly a
// variable of the shell that is not set. Many flags mean "no bound" where they are left out, and an
// empty one must never pass for that.
package given

import (
	"encoding/csv"
	"errors"
	"regexp"
	"strings"

	"github.com/spf13/pflag"
)

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

// RefuseEmpty makes flags refuse an empty value, and one that is the next flag, as they are parsed.
// It may be called again for the same flags.
func RefuseEmpty(flags *pflag.FlagSet) {
	flags.VisitAll(func(flag *pflag.Flag) {
		if _, done := flag.Value.(value); !done {
			flag.Value = value{flag.Value}
		}
	})
}

// value is that of a flag. It checks what is given each time, since a list that is given twice does
// not show that the second one was empty.
type value struct{ pflag.Value }

// Set implements pflag.Value.
func (v value) Set(text string) error {
	if IsBlank(text) {
		return errEmpty
	}
	if longFlag.MatchString(text) {
		return errSwallowed
	}
	if v.Type() == "stringSlice" {
		// As pflag splits it; what it cannot read it refuses itself.
		elements, _ := csv.NewReader(strings.NewReader(text)).Read()
		for _, element := range elements {
			if IsBlank(element) {
				return errEmptyElement
			}
		}
	}
	return v.Value.Set(text)
}

// IsBlank reports whether text says nothing: it is empty, or white space.
func IsBlank(text string) bool { return strings.TrimSpace(text) == "" }
