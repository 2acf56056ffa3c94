package policy

import (
	"fmt"
	"strings"
)

// methodLetters are what a rule's methods are made of: those that are registered (RFC 9110, section
// 16.1.1) have no others.
const methodLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ-"

// checkWords reports what makes the rule another one than was meant: a value that is stated and
// empty, which would mean every method, and a word that no call could ever have, by which a deny
// would silently permit all. Placeholders, {env.NAME} and their like, are such words: they
// are not expanded here.
func (r Rule) checkWords() error {
	if r.Methods != nil && len(r.Methods) == 0 {
		return fmt.Errorf("methods is an empty list: name one, or leave it out for every method")
	}
	for _, m := range r.Methods {
		switch {
		case strings.TrimSpace(m) == "":
			return fmt.Errorf("method %q is empty: write one in upper case, like GET, or leave it out for every method", m)
		case strings.ContainsAny(m, "{}"):
			return placeholderError("method", m)
		case strings.Contains(m, ","):
			return fmt.Errorf("method %q: separate methods by spaces", m)
		case m != strings.ToUpper(m):
			return fmt.Errorf("method %q: write methods in upper case, and begin a path with /", m)
		case m == "ALL" || m == "ANY":
			return fmt.Errorf("method %q is not a method of HTTP: leave it out for every method", m)
		case strings.Trim(m, methodLetters) != "":
			return fmt.Errorf("method %q: a method is made of letters and -; leave it out for every method", m)
		}
	}
	switch {
	case strings.ContainsAny(r.App, "{}"):
		return placeholderError("app", r.App)
	case strings.ContainsAny(r.Path, "{}"):
		return placeholderError("path pattern", r.Path)
	case r.Path != "" && strings.TrimSpace(r.Path) == "":
		return fmt.Errorf("the path pattern is empty: begin it with /, or leave it out for every path")
	}
	return nil
}

func placeholderError(what, word string) error {
	return fmt.Errorf("%s %q: placeholders in braces are not expanded in rules: write the value itself, "+
		"and * for what varies within a path's segment", what, word)
}
