package catalog

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The bounds of what end users read, in bytes.
const (
	maxShortName = 40
	maxHelp      = 200
	maxHelpURL   = 500
)

// CallName is what end users are told that the app is called.
func (a *App) CallName() string { return cmp.Or(a.ShortName, a.Name, a.Slug) }

// names checks what pages show of an app besides its name.
func (c checker) names() error {
	if !isPlain(c.ShortName, maxShortName) {
		return fmt.Errorf("short_name: write at most %d bytes of text without control characters or spaces around it",
			maxShortName)
	}
	if c.HelpURL != "" && !isHelpURL(c.HelpURL) {
		return fmt.Errorf("help_url: write an https URL of at most %d bytes with a public host name, without user info",
			maxHelpURL)
	}
	for _, f := range c.Fields {
		if !isPlain(f.Help, maxHelp) {
			return fmt.Errorf("field %s: help: write at most %d bytes of text without control characters or spaces around it",
				f.Name, maxHelp)
		}
		if f.Help != "" && f.From != "" {
			return errors.New("field " + f.Name + ": help is for what the end user enters: take it out")
		}
	}
	return nil
}

// isPlain is true of text of up to so many bytes that shows as it reads: one of bidirectional
// controls could turn around the text next to it.
func isPlain(text string, most int) bool {
	return len(text) <= most && utf8.ValidString(text) && strings.TrimSpace(text) == text &&
		!strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) })
}

func isHelpURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && len(text) <= maxHelpURL && u.Scheme == "https" && u.User == nil &&
		strings.Contains(u.Hostname(), ".") &&
		!strings.ContainsAny(text, " \"'<>`\\") && !strings.ContainsFunc(text, isControl)
}
