package authorize

import (
	"slices"
	"strings"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

// AddressFields returns those fields of a connection that make the address at which its app is
// called. A connection is renewed at the same address: the tenant's calls, and what it knows of the
// account, are about that site. It includes what was found when the end user
// authorized, and the default of what the connection lacks.
func AddressFields(app *catalog.App, held []vending.Field) (bound []vending.Field) {
	patterns := strings.Join(hostPatterns(app), " ")
	for _, f := range held {
		known, declared := fieldNamed(app, f.Name)
		if declared && known.From != catalog.FromClient && f.Value != "" && strings.Contains(patterns, "{"+f.Name+"}") {
			bound = append(bound, f)
		}
	}
	return append(bound, defaults(app, held)...)
}

// defaults are the regions of a connection that is older than their choice.
func defaults(app *catalog.App, held []vending.Field) (fields []vending.Field) {
	for _, f := range app.Fields {
		if value, _ := valueIn(held)(f.Name); value == "" && f.Default != "" {
			fields = append(fields, vending.Field{Name: f.Name, Value: f.Default})
		}
	}
	return fields
}

// CheckAddress refuses what an end user enters to renew a connection, where it names another
// address than the connection's. What is missing or invalid is left to [CheckFields].
func CheckAddress(app *catalog.App, bound, entered []vending.Field) error {
	for _, f := range app.Asked() {
		at, isBound := valueIn(bound)(f.Name)
		given, _ := valueIn(entered)(f.Name)
		if given = strings.TrimSpace(given); !isBound || given == "" {
			continue
		}
		value, problem := normalize(app, f, given)
		if problem != nil {
			return problem
		}
		if !connect.SameSite(value, at) {
			return newError(app, Error{Kind: InvalidField, Field: f.Name, suggest: at,
				reason: "is another address than the one of this connection, which cannot change; to connect another one, ask " +
					"for a new link"})
		}
	}
	return nil
}

// AddressChange returns the address, or the part of one, that the provider named when a connection
// was renewed, and the one from before, where they differ: the end user has signed in to another
// account, or it has got another address.
func AddressChange(app *catalog.App, bound, now []vending.Field) (from, to string, moved bool) {
	i := slices.IndexFunc(bound, func(f vending.Field) bool {
		known, _ := fieldNamed(app, f.Name)
		value, there := valueIn(now)(f.Name)
		return known.From == catalog.FromGrant && there && !connect.SameSite(value, f.Value)
	})
	if i < 0 {
		return "", "", false
	}
	to, _ = valueIn(now)(bound[i].Name)
	return bound[i].Value, to, true
}

// Address is the host of app's calls, and the path of the site there, that bound makes; empty for
// an app that has one for all.
func Address(app *catalog.App, bound []vending.Field) string {
	for _, pattern := range hostPatterns(app) {
		for _, f := range bound {
			pattern = strings.ReplaceAll(pattern, "{"+f.Name+"}", f.Value)
		}
		if !strings.Contains(pattern, "{") {
			return app.ProviderHost(pattern)
		}
	}
	return ""
}
