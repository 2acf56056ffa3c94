package catalog

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Catalog is a set of apps, each with a slug of its own. It never changes after construction, so
// that it may be shared by all requests and kept across a config reload.
type Catalog struct {
	bySlug map[string]*App
	sorted []*App
}

//go:embed apps.jsonl
var embeddedLines string

var embedded = sync.OnceValues(func() (*Catalog, error) { return fromLines(embeddedLines) })

// Embedded returns the catalog that is part of the binary. It is parsed and checked once, at the
// first call; every call returns the same Catalog or the same error.
//
// Its upstreams are the base URLs that the providers' own SDKs take, so that an SDK works with
// nothing but its base URL changed.
func Embedded() (*Catalog, error) { return embedded() }

func fromLines(lines string) (*Catalog, error) {
	apps, err := Parse(strings.NewReader(lines))
	if err != nil {
		return nil, fmt.Errorf("reading the embedded apps: %w", err)
	}
	c, err := New(apps...)
	if err != nil {
		return nil, fmt.Errorf("checking the embedded apps: %w", err)
	}
	return c, nil
}

// New makes a catalog of apps. It refuses an app that does not pass [App.Check] and two apps of
// the same slug. It keeps what the apps point to: nothing may change it afterwards.
func New(apps ...App) (*Catalog, error) { return (&Catalog{}).With(apps...) }

// With returns a copy of c in which each of apps replaces the one of its slug, as a whole and not
// field by field, or is added. It refuses what [New] refuses; c stays as it is.
func (c *Catalog) With(apps ...App) (*Catalog, error) {
	bySlug := make(map[string]*App, len(c.bySlug)+len(apps))
	maps.Copy(bySlug, c.bySlug)
	given := make(map[string]bool, len(apps))
	for _, app := range apps {
		if err := app.Check(); err != nil {
			return nil, err
		}
		// Of two with one slug, the last would win in silence: an operator would find the credential
		// going where only one of the two definitions says.
		if given[app.Slug] {
			return nil, fmt.Errorf("app %s: defined twice: keep one, or give the other a slug of its own", app.Slug)
		}
		given[app.Slug] = true
		bySlug[app.Slug] = &app
	}
	sorted := slices.SortedFunc(maps.Values(bySlug), func(a, b *App) int { return strings.Compare(a.Slug, b.Slug) })
	return &Catalog{bySlug: bySlug, sorted: sorted}, nil
}

// App returns the app called slug. It must not be changed: it is shared.
func (c *Catalog) App(slug string) (*App, bool) {
	app, ok := c.bySlug[slug]
	return app, ok
}

// Apps returns all apps, sorted by slug. The slice is the caller's; the apps are shared and must
// not be changed.
func (c *Catalog) Apps() []*App { return slices.Clone(c.sorted) }
