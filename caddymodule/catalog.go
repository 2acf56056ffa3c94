package caddymodule

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/gateway"
	"github.com/vendgate/vendgate/inject"
)

// Catalog says which apps there are besides the verified ones of the embedded catalog and those of
// [App.Apps].
type Catalog struct {
	// Community are the slugs of entries that are known from one source only, or `*` alone for all of
	// them. Default: none. A wrong host in such an entry is where a credential would go.
	Community []string `json:"community,omitempty"`
	// File holds apps of the operator, one JSON object a line, in the form of the embedded ones. They
	// add to the catalog or replace entries of it as a whole. It is read at start and at each reload.
	File string `json:"file,omitempty"`
}

// embedded returns the embedded apps that are on.
func (c *Catalog) embedded() (*catalog.Catalog, error) {
	apps, err := catalog.Embedded(c.Community...)
	if err != nil {
		return nil, fmt.Errorf("catalog: %w", err)
	}
	return apps, nil
}

// own returns the operator's apps: those of the file, and in their places or after them the blocks
// of the configuration.
func (a *App) own() ([]AppEntry, error) {
	var entries []AppEntry
	if a.Catalog.File != "" {
		found, mistakes := ReadCatalog(a.Catalog.File)
		if len(mistakes) > 0 {
			return nil, at(a.DefinedAt["catalog"], mistakes[0])
		}
		entries = found
	}
	return a.addBlocks(entries)
}

// addBlocks adds the blocks of the configuration to the apps of the file.
func (a *App) addBlocks(entries []AppEntry) ([]AppEntry, error) {
	bySlug := make(map[string]int, len(entries))
	for i := range entries {
		bySlug[entries[i].Slug] = i
	}
	for _, e := range a.Apps {
		if err := checkApp(&e.App); err != nil {
			return nil, at(e.DefinedAt, err)
		}
		if err := readIcon(&e.App, ""); err != nil {
			return nil, at(e.DefinedAt, err)
		}
		if i, ok := bySlug[e.Slug]; ok {
			entries[i] = e
			delete(bySlug, e.Slug) // a second block is no override but a mistake
			continue
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// apps is the catalog of the configuration. own are the operator's apps in it.
func (a *App) apps() (apps *catalog.Catalog, own []AppEntry, err error) {
	apps, err = a.Catalog.embedded()
	if err != nil {
		return nil, nil, at(a.DefinedAt["catalog"], err)
	}
	if own, err = a.own(); err != nil {
		return nil, nil, err
	}
	list := make([]catalog.App, 0, len(own))
	for _, e := range own {
		list = append(list, e.App)
	}
	apps, err = apps.With(list...)
	return apps, own, err
}

// LoadCatalog returns the apps that the configuration turns on or defines; it reads the catalog's
// file. Its error names the place of the first mistake.
func (a *App) LoadCatalog() (*catalog.Catalog, error) {
	apps, _, err := a.apps()
	return apps, err
}

// CatalogApp returns the app of a slug. Its error says how to have one that is off or unknown.
func (a *App) CatalogApp(slug string) (*catalog.App, error) {
	apps, err := a.LoadCatalog()
	if err != nil {
		return nil, err
	}
	app, ok := apps.App(slug)
	switch {
	case apps.Off(slug):
		return nil, errors.New(gateway.TurnOn(slug))
	case !ok:
		return nil, fmt.Errorf("app %q is not in the catalog: correct the slug, which `app list` searches, or name "+
			"the --config that defines the app", slug)
	}
	return app, nil
}

// ReadCatalog reads a file of the operator's, one app a line: the apps that are right, and every
// mistake, each with its line.
func ReadCatalog(name string) (apps []AppEntry, mistakes []error) {
	file, err := os.Open(name) // #nosec G304 -- the operator names it
	if err != nil {
		return nil, []error{fmt.Errorf("catalog: %w: name a file that the server may read", err)}
	}
	defer func() { _ = file.Close() }() // it was only read
	for line := range catalog.Lines(file) {
		err := line.Err
		if err == nil {
			_, err = inject.NewPlacement(&line.App)
		}
		if err == nil {
			err = readIcon(&line.App, filepath.Dir(name))
		}
		place := fmt.Sprintf("%s:%d", name, line.Number)
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s: %w", place, err))
			continue
		}
		apps = append(apps, AppEntry{App: line.App, DefinedAt: place})
	}
	return slices.Clip(apps), mistakes
}

// readIcon reads the picture of an app whose entry is in a file of folder; "" is where the server
// was started.
func readIcon(app *catalog.App, folder string) (err error) {
	if app.Icon == "" {
		return nil
	}
	name := app.Icon
	if !filepath.IsAbs(name) {
		name = filepath.Join(folder, name)
	}
	if app.Picture, err = catalog.ReadPicture(name); err != nil {
		return fmt.Errorf("app %q: %w", app.Slug, err)
	}
	return nil
}

// checkApp finds what is wrong with an app of the operator before anything is called.
func checkApp(app *catalog.App) error {
	if err := app.Check(); err != nil {
		return err
	}
	_, err := inject.NewPlacement(app)
	return err
}
