package command

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/caddymodule/internal/operator"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
)

// brandFlags add how a tenant appears on the hosted pages.
func brandFlags(cmd *cobra.Command, b *connect.Brand) {
	cmd.Flags().StringVar(&b.Name, "name", "", "what end users know the tenant by (default: its id)")
	cmd.Flags().StringVar(&b.LogoURL, "logo-url", "", "https URL of an image, fetched by end users' browsers only")
	cmd.Flags().StringVar(&b.Accent, "accent", "", "a colour, like #0a66c2")
	cmd.Flags().StringSliceVar(&b.FrameAncestors, "frame-ancestors", nil,
		"origins that may frame the hosted pages, like https://app.example.com")
	cmd.Flags().StringVar(&b.Unconfirmed, "unconfirmed", "",
		"what becomes of credentials that their provider neither accepts nor refuses: ask the end user, or refuse "+
			"(default: ask)")
	cmd.Flags().StringVar(&b.UserHint, "user-hint", "",
		"how the hosted pages tell whose connection it is: masked, off, or words in which {user} stands for the masked "+
			"address (default: masked)")
}

// brandParts are the parts of a brand by the names of their flags: each takes its part over from
// another brand.
var brandParts = map[string]func(b, from *connect.Brand){
	"name":            func(b, from *connect.Brand) { b.Name = from.Name },
	"logo-url":        func(b, from *connect.Brand) { b.LogoURL = from.LogoURL },
	"accent":          func(b, from *connect.Brand) { b.Accent = from.Accent },
	"frame-ancestors": func(b, from *connect.Brand) { b.FrameAncestors = from.FrameAncestors },
	"user-hint":       func(b, from *connect.Brand) { b.UserHint = from.UserHint },
	"unconfirmed":     func(b, from *connect.Brand) { b.Unconfirmed = from.Unconfirmed },
}

// brandCommand adds `tenant brand`.
func brandCommand(parent *cobra.Command, f *storeFlags) {
	var given connect.Brand
	var cleared []string
	brand := subcommand(parent, "brand NAME",
		"Changes what is given of how a tenant appears to end users, and prints the whole", 1,
		f.withExisting(func(cmd *cobra.Command, store *store.Store, _ config, args []string) error {
			t, err := store.Tenant(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			b, changed, err := mergeBrand(cmd, t.Brand, given, cleared)
			if err == nil && changed {
				err = store.SetBrand(cmd.Context(), t.ID, b)
			}
			if err == nil {
				t, err = store.Tenant(cmd.Context(), t.ID)
			}
			if err != nil {
				return err
			}
			return f.printBrand(cmd, t)
		}))
	brand.Long = "Changes the flags that are given, and brings those that --clear names back to their defaults. " +
		"Without a flag nothing changes."
	brandFlags(brand, &given)
	brand.Flags().StringSliceVar(&cleared, "clear", nil,
		"what to bring back to its default, by the names of the flags: any of "+
			strings.Join(slices.Sorted(maps.Keys(brandParts)), ", "))
}

// mergeBrand takes of given what has a flag on the command line, and nothing of what is cleared.
func mergeBrand(cmd *cobra.Command, b, given connect.Brand, cleared []string) (merged connect.Brand, changed bool,
	err error) {
	for name, take := range brandParts {
		if cmd.Flags().Changed(name) {
			take(&b, &given)
			changed = true
		}
	}
	for _, name := range cleared {
		take, ok := brandParts[name]
		switch {
		case !ok:
			return b, false,
				fmt.Errorf("--clear %q: write any of %s", name, strings.Join(slices.Sorted(maps.Keys(brandParts)), ", "))
		case cmd.Flags().Changed(name):
			return b, false, fmt.Errorf("--%s is given and cleared: write one of the two", name)
		}
		take(&b, new(connect.Brand))
		changed = true
	}
	return b, changed, nil
}

func (f *storeFlags) printBrand(cmd *cobra.Command, t connect.Tenant) error {
	b := operator.NewBrand(t.Brand)
	if f.json {
		return printJSON(cmd.OutOrStdout(), b)
	}
	row := []string{t.ID, orDash(b.Name), orDash(b.Accent), orDash(b.LogoURL), orDash(strings.Join(b.FrameAncestors, ",")),
		b.UserHint, b.Unconfirmed}
	return printTable(cmd.OutOrStdout(),
		[]string{"TENANT", "NAME", "ACCENT", "LOGO URL", "FRAME ANCESTORS", "USER HINT", "UNCONFIRMED"}, [][]string{row})
}
