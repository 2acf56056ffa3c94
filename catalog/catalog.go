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
	bySlug map[string]*entry
	slugs  []string // sorted
	// off are the apps of the community that the catalog knows of and does not have.
	off map[string]*entry
}

// entry is one app, which of the embedded ones is read when it is first asked for: a gateway calls
// few of the nine hundred, and must start fast.
type entry struct {
	line      string
	community bool
	read      sync.Once
	app       *App
	err       error
}

// Nearly all lines were found in at least two independent sources; what is known from one only
// is in the other file, and is off until an operator asks for it: a wrong host is where a
// credential would go.
var (
	//go:embed apps.jsonl
	verifiedLines string
	//go:embed community.jsonl
	communityLines string
)

var (
	verified  = sync.OnceValues(func() (map[string]*entry, error) { return index(verifiedLines, false) })
	community = sync.OnceValues(func() (map[string]*entry, error) { return index(communityLines, true) })
)

// index finds the slugs in lines of the embedded form, which begin with it.
func index(lines string, community bool) (map[string]*entry, error) {
	found := make(map[string]*entry, strings.Count(lines, "\n"))
	for line := range strings.Lines(lines) {
		rest, ok := strings.CutPrefix(line, `{"slug":"`)
		slug, _, ended := strings.Cut(rest, `"`)
		if !ok || !ended {
			return nil, fmt.Errorf("embedded app %d does not begin with its slug", len(found)+1)
		}
		if found[slug] != nil {
			return nil, fmt.Errorf("the embedded app %s is a duplicate", slug)
		}
		found[slug] = &entry{line: line, community: community}
	}
	return found, nil
}

// Embedded returns the catalog that is part of the binary: its verified apps, and those of the
// community that are named, or all where the only name is `*`. An unknown name is an error. An app
// is parsed and checked when it is first asked for, and then shared by all catalogs.
//
// Its upstreams are the base URLs that the providers' own SDKs take, so that an SDK works with
// nothing but its base URL changed.
func Embedded(communityApps ...string) (*Catalog, error) {
	known, err := verified()
	if err != nil {
		return nil, err
	}
	others, err := community()
	if err != nil {
		return nil, err
	}
	bySlug, off := maps.Clone(known), maps.Clone(others)
	if slices.Equal(communityApps, []string{"*"}) {
		communityApps = slices.Collect(maps.Keys(others))
	}
	for _, slug := range communityApps {
		e, ok := others[slug]
		if !ok {
			return nil, fmt.Errorf("%s is not a community app", slug)
		}
		bySlug[slug] = e
		delete(off, slug)
	}
	return newCatalog(bySlug, off), nil
}

func newCatalog(bySlug, off map[string]*entry) *Catalog {
	return &Catalog{bySlug: bySlug, slugs: slices.Sorted(maps.Keys(bySlug)), off: off}
}

// get returns the entry's app. An embedded entry that does not pass its check does not exist; a
// test holds all of them against it.
func (e *entry) get() (*App, error) {
	e.read.Do(func() {
		if e.app != nil {
			return
		}
		app, err := parseLine([]byte(strings.TrimSpace(e.line)))
		if err == nil {
			err = app.Check()
		}
		if err != nil {
			e.err = err
			return
		}
		app.Community = e.community
		e.app = &app
	})
	return e.app, e.err
}

// New makes a catalog of apps. It refuses an app that does not pass [App.Check] and two apps of
// the same slug. It keeps what the apps point to: nothing may change it afterwards.
func New(apps ...App) (*Catalog, error) { return (&Catalog{}).With(apps...) }

// With returns a copy of c in which each of apps replaces the one of its slug, as a whole and not
// field by field, or is added. It refuses what [New] refuses; c stays as it is.
func (c *Catalog) With(apps ...App) (*Catalog, error) {
	bySlug := make(map[string]*entry, len(c.bySlug)+len(apps))
	maps.Copy(bySlug, c.bySlug)
	given := make(map[string]bool, len(apps))
	for _, app := range apps {
		if err := app.Check(); err != nil {
			return nil, err
		}
		// Of two with one slug, the last would win in silence: an operator would find the credential
		// going where only one of the two definitions says.
		if given[app.Slug] {
			return nil, fmt.Errorf("app %s: duplicate slug: keep one, or give the other a slug of its own", app.Slug)
		}
		given[app.Slug] = true
		bySlug[app.Slug] = &entry{app: &app}
	}
	return newCatalog(bySlug, c.off), nil
}

// App returns the app called slug. It must not be changed: it is shared.
func (c *Catalog) App(slug string) (*App, bool) {
	e, ok := c.bySlug[slug]
	if !ok {
		return nil, false
	}
	app, err := e.get()
	return app, err == nil
}

// Has reports whether there is an app called slug, without reading it.
func (c *Catalog) Has(slug string) bool { return c.bySlug[slug] != nil }

// Off reports whether slug is an app of the community that an operator has not asked for.
func (c *Catalog) Off(slug string) bool { return c.bySlug[slug] == nil && c.off[slug] != nil }

// Slugs returns the slugs of all apps, sorted. The slice is the caller's.
func (c *Catalog) Slugs() []string { return slices.Clone(c.slugs) }

// Apps returns all apps, sorted by slug. The slice is the caller's; the apps are shared and must
// not be changed.
func (c *Catalog) Apps() []*App {
	apps := make([]*App, 0, len(c.slugs))
	for _, slug := range c.slugs {
		if app, ok := c.App(slug); ok {
			apps = append(apps, app)
		}
	}
	return apps
}
