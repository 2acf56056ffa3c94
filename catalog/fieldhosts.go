package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// anyLabel begins a pattern of Field.Hosts.
const anyLabel = "*."

// NamesHost reports whether value is one of the hosts that it may name whole, in place of filling
// its slot.
func (f *Field) NamesHost(value string) bool {
	for _, pattern := range f.Hosts {
		suffix, wild := strings.CutPrefix(pattern, anyLabel)
		if !wild && strings.EqualFold(value, pattern) {
			return true
		}
		if wild && f.endsIn(strings.ToLower(value), suffix) {
			return true
		}
	}
	return false
}

// FilledHost is the host of the upstream, its slots filled by field, in lower case. It is there to
// compare and to name: nothing checks the values, a site's path stays, and so does a slot without a
// value.
func (a *App) FilledHost(field func(name string) (value string, ok bool)) string {
	host, _ := splitURL(a.Upstream)
	for i := range a.Fields {
		f := &a.Fields[i]
		slot := "{" + f.Name + "}"
		value, ok := field(f.Name)
		if value == "" && f.Default != "" {
			value, ok = f.Default, true
		}
		if !ok || !strings.Contains(host, slot) {
			continue
		}
		if f.NamesHost(value) {
			return strings.ToLower(value)
		}
		host = strings.ReplaceAll(host, slot, value)
	}
	return a.ProviderHost(strings.ToLower(host))
}

// endsIn reports whether host is suffix below one label, or below several where f's kind says so.
func (f *Field) endsIn(host, suffix string) bool {
	rest, ok := strings.CutSuffix(host, "."+suffix)
	if !ok || len(host) > maxHost || f.Kind != KindLabels && strings.Contains(rest, ".") {
		return false
	}
	for label := range strings.SplitSeq(rest, ".") {
		if badLabel(label) || strings.HasPrefix(label, "xn--") { // no account name needs it
			return false
		}
	}
	return true
}

// wholeHosts checks the hosts that values may name. They get the credential, so that they are
// public names of the provider's, and no other address and nothing else of a request depends on the
// value.
func (c checker) wholeHosts() error {
	for _, f := range c.Fields {
		if len(f.Hosts) == 0 {
			continue
		}
		if err := c.wholeHostsOf(f); err != nil {
			return fmt.Errorf("field %s: %w", f.Name, err)
		}
	}
	return nil
}

func (c checker) wholeHostsOf(f Field) error {
	slot := "{" + f.Name + "}"
	host, _ := splitURL(c.Upstream)
	switch {
	case f.Secret || f.Kind == KindHost || len(f.Options) > 0:
		return errors.New("hosts are for a part of a host: take them out, or take out secret, kind host and options")
	case !strings.Contains(host, slot):
		return fmt.Errorf("hosts take the place of the upstream's host, which has no %s: take them out", slot)
	case c.usedElsewhere(slot, host):
		return fmt.Errorf("hosts take the place of one host, and %s is used elsewhere as well: take them out", slot)
	}
	for _, pattern := range f.Hosts {
		name := strings.TrimPrefix(pattern, anyLabel)
		if strings.Count(name, ".") < 1 || strings.Contains(name, ":") || c.host(name) != nil {
			return fmt.Errorf("hosts: %q is not a host: write it like *.example.com or api.example.com", pattern)
		}
	}
	return nil
}

// usedElsewhere reports whether slot occurs anywhere but in addresses with that host.
func (c checker) usedElsewhere(slot, host string) bool {
	text, err := json.Marshal(c.App)
	if err != nil {
		return true
	}
	rest := strings.ReplaceAll(string(text), "://"+host+`"`, "")
	rest = strings.ReplaceAll(rest, "://"+host+"/", "")
	return strings.Contains(rest, slot)
}
