package caddymodule

import (
	"errors"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/dustin/go-humanize"

	"github.com/vendgate/vendgate/caddymodule/internal/secretref"
	"github.com/vendgate/vendgate/policy"
)

// option reads the arguments of one subdirective, whose name d is at, and nothing more.
type option = func(*caddyfile.Dispenser) error

// missing says what to write where an argument is missing. Arguments are not repeated: they may be
// secret.
func missing(d *caddyfile.Dispenser, name, form string) error {
	return d.Errf("%s: a value is missing; write %s %s", name, name, form)
}

// named reads the one argument before a block: what the block is called.
func named(d *caddyfile.Dispenser, id *string, form string) error {
	name := d.Val()
	if !d.Args(id) {
		return missing(d, name, form)
	}
	if d.NextArg() {
		return d.Errf("%s has too many arguments; write %s %s", name, name, form)
	}
	return nil
}

// text reads one argument into s.
func text(s *string) option {
	return func(d *caddyfile.Dispenser) error {
		if name := d.Val(); !d.Args(s) || *s == "" {
			return missing(d, name, "VALUE")
		}
		return nil
	}
}

// tenantID reads the id of a tenant into id.
func tenantID(id *string) option {
	return func(d *caddyfile.Dispenser) error {
		if err := text(id)(d); err != nil {
			return err
		}
		return located(d, policy.CheckTenantID(*id))
	}
}

// texts reads one argument or more, and adds them to list.
func texts(list *[]string) option {
	return func(d *caddyfile.Dispenser) error {
		name, args := d.Val(), d.RemainingArgs()
		if len(args) == 0 {
			return missing(d, name, "VALUE …")
		}
		*list = append(*list, args...)
		return nil
	}
}

// flag reads nothing and sets b.
func flag(b *bool) option {
	return func(d *caddyfile.Dispenser) error {
		if d.CountRemainingArgs() > 0 {
			return d.Errf("%s takes no value; write it alone, or leave it out", d.Val())
		}
		*b = true
		return nil
	}
}

func duration(v *caddy.Duration) option {
	return func(d *caddyfile.Dispenser) error {
		var s string
		name := d.Val()
		if !d.Args(&s) {
			return missing(d, name, "10s")
		}
		parsed, err := caddy.ParseDuration(s)
		if err != nil || parsed <= 0 {
			return d.Errf("%s %q is invalid: write a positive duration, like 10s or 5m", name, s)
		}
		*v = caddy.Duration(parsed)
		return nil
	}
}

func count[N int | int64](v *N) option {
	return func(d *caddyfile.Dispenser) error {
		var s string
		name := d.Val()
		if !d.Args(&s) {
			return missing(d, name, "100")
		}
		n, err := strconv.ParseInt(s, 10, 32)
		if err != nil || n <= 0 {
			return d.Errf("%s %q is invalid: write a positive whole number, like 100", name, s)
		}
		*v = N(n)
		return nil
	}
}

// size reads bytes: `1048576`, `1MiB`, `1MB`.
func size(v *int64) option {
	return func(d *caddyfile.Dispenser) error {
		var s string
		name := d.Val()
		if !d.Args(&s) {
			return missing(d, name, "10MiB")
		}
		n, err := humanize.ParseBytes(s)
		if err != nil || n == 0 || n > 1<<62 {
			return d.Errf("%s %q is invalid: write a number and a unit, like 10MiB", name, s)
		}
		*v = int64(n)
		return nil
	}
}

// secret reads a reference to a secret.
func secret(ref *string) option {
	return func(d *caddyfile.Dispenser) error {
		if name := d.Val(); !d.Args(ref) {
			return d.Errf("%s: the secret is missing; write %s {env.NAME} or %s {file./path}", name, name, name)
		}
		return located(d, secretref.Check(*ref))
	}
}

// pair reads a name, which must not repeat, and a value into m.
func pair(d *caddyfile.Dispenser, m *map[string]string) error {
	var name, value string
	option := d.Val()
	if !d.Args(&name, &value) {
		return missing(d, option, "NAME VALUE")
	}
	if _, twice := (*m)[name]; twice {
		return d.Errf("%s %s is a duplicate; keep one of them", option, name)
	}
	if *m == nil {
		*m = make(map[string]string)
	}
	(*m)[name] = value
	return nil
}

// isBlank reports whether text says nothing: it is empty, or white space.
func isBlank(text string) bool { return strings.TrimSpace(text) == "" }

// statuses reads one status code or more, and adds them to list.
func statuses(list *[]int) option {
	return func(d *caddyfile.Dispenser) error {
		name := d.Val()
		var all []string
		if err := texts(&all)(d); err != nil {
			return err
		}
		for _, s := range all {
			status, err := strconv.Atoi(s)
			if err != nil {
				return d.Errf("%s %q is invalid: write a status, like 403", name, s)
			}
			*list = append(*list, status)
		}
		return nil
	}
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
