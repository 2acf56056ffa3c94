// Package secretref reads secrets where a configuration refers to them.
//
// It must never repeat a secret, nor what was written in the place of a reference: that may be one.
package secretref

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/caddyserver/caddy/v2"

	"github.com/vendgate/vendgate/vending"
)

// form is the only one in which a configuration may mention a secret: a literal would be
// readable in the admin API, in the autosaved configuration and in Caddy's trace log.
var form = regexp.MustCompile(`^\{(env\.[A-Za-z_][A-Za-z0-9_]*|file\.[^{}]+)\}$`)

// ErrForm never repeats what was written: it may be the secret.
var ErrForm = errors.New("write {env.NAME} or {file./path}: a secret itself must not be in the configuration")

// Check reports whether ref has the form of a reference.
func Check(ref string) error {
	if !form.MatchString(ref) {
		return ErrForm
	}
	return nil
}

// Resolve reads the secret that ref points at. Only Provision calls it: whatever is resolved
// earlier lands in the adapted JSON.
func Resolve(ref string) (vending.Secret, error) {
	if err := Check(ref); err != nil {
		return vending.Secret{}, err
	}
	text, err := caddy.NewReplacer().ReplaceOrErr(ref, true, true)
	if err != nil {
		// err may quote what was read.
		return vending.Secret{},
			fmt.Errorf("the secret %s is missing or empty: set it where the server runs, or name another", ref)
	}
	return vending.NewSecret(text), nil
}
