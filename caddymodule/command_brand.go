package caddymodule

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/connect"
)

// brandFlags add how a tenant appears on the hosted pages.
func brandFlags(cmd *cobra.Command, b *connect.Brand) {
	cmd.Flags().StringVar(&b.Name, "name", "", "what end users know the tenant by (default: its id)")
	cmd.Flags().StringVar(&b.LogoURL, "logo-url", "", "https URL of an image, fetched by end users' browsers only")
	cmd.Flags().StringVar(&b.Accent, "accent", "", "a colour, like #0a66c2")
	cmd.Flags().StringSliceVar(&b.FrameAncestors, "frame-ancestors", nil, "origins that may frame the hosted pages, like https://app.example.com")
}

// brandCommand adds `tenant brand`.
func brandCommand(parent *cobra.Command, f *storeFlags) {
	var given connect.Brand
	brand := subcommand(parent, "brand NAME", "Changes what is given of how a tenant appears to end users, and prints the whole", 1,
		f.withExisting(func(cmd *cobra.Command, store *connect.Store, _ *App, args []string) error {
			t, err := store.Tenant(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			b, changed := mergeBrand(cmd, t.Brand, given)
			if changed {
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
	brand.Long = "Changes the flags that are given; one that is given empty, like --name \"\", is taken away. Without a flag nothing changes."
	brandFlags(brand, &given)
}

// mergeBrand takes of given what has a flag on the command line.
func mergeBrand(cmd *cobra.Command, b, given connect.Brand) (merged connect.Brand, changed bool) {
	for name, take := range map[string]func(){
		"name":            func() { b.Name = given.Name },
		"logo-url":        func() { b.LogoURL = given.LogoURL },
		"accent":          func() { b.Accent = given.Accent },
		"frame-ancestors": func() { b.FrameAncestors = given.FrameAncestors },
	} {
		if cmd.Flags().Changed(name) {
			take()
			changed = true
		}
	}
	return b, changed
}

// brandRow is a brand as commands and the admin API print it.
type brandRow struct {
	Name           string   `json:"name"`
	LogoURL        string   `json:"logo_url"`
	Accent         string   `json:"accent"`
	FrameAncestors []string `json:"frame_ancestors"`
}

func brandRowOf(b connect.Brand) brandRow {
	return brandRow{b.Name, b.LogoURL, b.Accent, listed(b.FrameAncestors)}
}

func (f *storeFlags) printBrand(cmd *cobra.Command, t connect.Tenant) error {
	b := brandRowOf(t.Brand)
	if f.json {
		return printJSON(cmd.OutOrStdout(), b)
	}
	row := []string{t.ID, orDash(b.Name), orDash(b.Accent), orDash(b.LogoURL), orDash(strings.Join(b.FrameAncestors, ","))}
	return printTable(cmd.OutOrStdout(), []string{"TENANT", "NAME", "ACCENT", "LOGO URL", "FRAME ANCESTORS"}, [][]string{row})
}
