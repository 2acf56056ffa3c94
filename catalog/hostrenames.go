package catalog

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ProviderHost is what the provider calls a host that values have filled.
func (a *App) ProviderHost(filled string) string {
	if renamed, ok := a.HostRenames[filled]; ok {
		return renamed
	}
	return filled
}

// SlotHost is the host that values would fill where the provider calls it host.
func (a *App) SlotHost(host string) string {
	for _, filled := range slices.Sorted(maps.Keys(a.HostRenames)) {
		if a.HostRenames[filled] == host {
			return filled
		}
	}
	return host
}

// defaulted reports whether a connection may lack the field called name.
func (a *App) defaulted(name string) bool {
	return slices.ContainsFunc(a.Fields, func(f Field) bool { return f.Name == name && f.Default != "" })
}

// regions checks the defaults of fields, and what hosts are called.
func (c checker) regions() error {
	for _, f := range c.Fields {
		if f.Default == "" {
			continue
		}
		if err := c.defaultOf(f); err != nil {
			return fmt.Errorf("field %s: default %w", f.Name, err)
		}
	}
	return c.hostRenames()
}

func (c checker) defaultOf(f Field) error {
	switch {
	case !slices.Contains(f.Options, f.Default):
		return fmt.Errorf("%q is not one of the options: write one of them", f.Default)
	case f.From != "":
		return fmt.Errorf("is for what the end user enters, and this is from %s: take it out", f.From)
	case c.outsideHosts("{" + f.Name + "}"):
		return fmt.Errorf("fills hosts alone, and {%s} is used elsewhere as well: take it out", f.Name)
	}
	return nil
}

// outsideHosts reports whether slot occurs anywhere but in the hosts of the upstream and of the
// OAuth 2 endpoints.
func (c checker) outsideHosts(slot string) bool {
	rest := *c.App
	rest.Upstream, rest.SDK = hostless(rest.Upstream), nil // whose base URL is at the same hosts
	if rest.OAuth2 != nil {
		o := *rest.OAuth2
		for _, u := range []*string{&o.AuthorizeURL, &o.TokenURL, &o.RefreshURL, &o.RevokeURL} {
			*u = hostless(*u)
		}
		rest.OAuth2 = &o
	}
	text, err := json.Marshal(rest)
	return err != nil || strings.Contains(string(text), slot)
}

// hostless is what comes after the host of an address.
func hostless(address string) string {
	_, path := splitURL(address)
	return path
}

// hostRenames checks that each is of a host that options fill: no value that an end user chooses
// freely leads elsewhere.
func (c checker) hostRenames() error {
	var filled []string
	for _, address := range c.addresses() {
		host, _ := splitURL(address)
		parts, err := scan(host)
		if err == nil && holdsField(parts) && !c.freeSlot(parts) {
			filled = append(filled, c.expand(parts)...)
		}
	}
	for _, host := range slices.Sorted(maps.Keys(c.HostRenames)) {
		if !slices.Contains(filled, host) {
			return fmt.Errorf("host_renames: no options fill the host %q: write one that they do, or take it out", host)
		}
		if err := c.otherHost("host_renames", c.HostRenames[host]); err != nil {
			return err
		}
	}
	return nil
}

// freeSlot reports whether any value at all may fill a slot of host.
func (c checker) freeSlot(host []part) bool {
	return slices.ContainsFunc(host, func(p part) bool {
		f, _ := c.field(p.text)
		return p.field && len(f.Options) == 0
	})
}
