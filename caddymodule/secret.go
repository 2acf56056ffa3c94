package caddymodule

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/vendgate/vendgate/caddymodule/telemetry"
	"github.com/vendgate/vendgate/vending"
)

// secretRef is the only form in which a configuration may mention a secret: a literal would be
// readable in the admin API, in the autosaved configuration and in Caddy's trace log.
var secretRef = regexp.MustCompile(`^\{(env\.[A-Za-z_][A-Za-z0-9_]*|file\.[^{}]+)\}$`)

// errSecretForm never repeats what was written: it may be the secret.
var errSecretForm = errors.New("write {env.NAME} or {file./path}: a secret itself must not be in the configuration")

// checkSecretRef reports whether ref has the form of a reference.
func checkSecretRef(ref string) error {
	if !secretRef.MatchString(ref) {
		return errSecretForm
	}
	return nil
}

// resolveSecret reads the secret that ref points at. Only Provision calls it: whatever is resolved
// earlier lands in the adapted JSON.
func resolveSecret(ref string) (vending.Secret, error) {
	if err := checkSecretRef(ref); err != nil {
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

// placedError says where in the Caddyfile the mistake is, in the form of Caddy's own errors.
type placedError struct {
	err   error
	place string
}

func (e *placedError) Error() string { return e.err.Error() + ", at " + e.place }

func (e *placedError) Unwrap() error { return e.err }

// at adds the place in the Caddyfile that the configuration came from, where it is known. The first
// place counts: it is nearest to the mistake.
func at(place string, err error) error {
	var placed *placedError
	if err == nil || place == "" || errors.As(err, &placed) {
		return err
	}
	return &placedError{err, place}
}

// minLogUserKey is how many bytes the key of pseudonyms has at least.
const minLogUserKey = 16

// logUsers is how logs show end users.
func (a *App) logUsers() (*telemetry.Users, error) {
	switch a.LogUser {
	case "", "plain", "off":
		if a.LogUserKey != "" {
			return nil, errors.New("log_user takes a key with hash only: leave it out")
		}
		if a.LogUser == "off" {
			return telemetry.NewUsers(""), nil
		}
		return nil, nil
	case "hash":
		key, err := resolveSecret(a.LogUserKey)
		if err != nil {
			return nil, fmt.Errorf("log_user hash: %w", err)
		}
		if len(strings.TrimSpace(key.Reveal())) < minLogUserKey {
			return nil, fmt.Errorf("log_user hash: the key %s has fewer than %d bytes: `openssl rand -hex 32` makes one",
				a.LogUserKey, minLogUserKey)
		}
		return telemetry.NewUsers(strings.TrimSpace(key.Reveal())), nil
	}
	return nil, fmt.Errorf("log_user %q: write plain, hash KEY or off", a.LogUser)
}
