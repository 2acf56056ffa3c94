package catalog

import (
	"maps"
	"slices"
	"strings"
)

// Host is a host of an app with how the gateway reaches it, for transports that map the provider's
// own URLs to it: a URL of Host whose path begins with BasePath is the gateway's path Path followed
// by the rest.
type Host struct {
	// Scheme is `http` where the app is called in plain, else empty: https.
	Scheme string `json:"scheme,omitempty"`
	// Host is in lower case, with its port unless that is the scheme's own. It is a pattern where it
	// holds a slot, `{subdomain}`, or a star: `*` is one label or a part of it, and `**` one label or
	// several.
	Host string `json:"host"`
	// BasePath is empty, or begins with "/" and does not end with it. It may hold slots, too: each is
	// a part of one segment.
	BasePath string `json:"base_path"`
	// Path is what stands for host and base path behind `/proxy/{connection}/{app}`. Where it holds
	// Host as a pattern, the host that is called takes its place.
	Path string `json:"path"`
	// Label names an extra host where apps are addressed by host.
	Label string `json:"label,omitempty"`
	// Field is the field that names this host whole, in place of filling its slot in the first host.
	Field string `json:"field,omitempty"`
	// Paths are all that is there, if not everything; see [Beside.Paths].
	Paths []string `json:"paths,omitempty"`
	// Slots are the slots of Host and BasePath, by the names of their fields.
	Slots map[string]Slot `json:"slots,omitempty"`
}

// The kinds of slots.
const (
	SlotLabel   = "label"   // one DNS label
	SlotLabels  = "labels"  // one DNS label, or several joined by dots
	SlotHost    = "host"    // a whole host, with a port if it has one
	SlotSegment = "segment" // a part of one segment of the path
)

// Slot is what may stand in a slot.
type Slot struct {
	Kind string `json:"kind"`
	// Options are the only values there are, if it has any; of whichever kind.
	Options []string `json:"options,omitempty"`
	// SitePath says that the field's value may go on with a path, which then comes before BasePath.
	SitePath bool `json:"site_path,omitempty"`
}

// Hosts are all that calls of the app may reach: the upstream first, then its extra hosts, and last
// what is outside of its API.
func (a *App) Hosts() []Host {
	main := a.mainHost()
	hosts := append([]Host{main}, a.otherPrefixHosts(main)...)
	hosts = append(hosts, a.renamedHosts(main)...)
	for _, f := range a.Fields {
		for _, pattern := range f.Hosts {
			if f.Kind == KindLabels {
				pattern = strings.Replace(pattern, anyLabel, "**.", 1)
			}
			hosts = append(hosts, Host{
				Scheme: main.Scheme, Host: pattern, BasePath: main.BasePath, Field: f.Name, Slots: a.slotsOf("", main.BasePath),
			})
		}
	}
	labels := make(map[string]string, len(a.HostLabels))
	for label, host := range a.HostLabels {
		labels[host] = label
	}
	for _, host := range a.ExtraHosts {
		hosts = append(hosts, Host{Scheme: main.Scheme, Host: a.withoutPort(host), Path: "/~" + host, Label: labels[host]})
	}
	if b := a.Beside; b != nil {
		place := Host{Scheme: main.Scheme, Host: a.withoutPort(b.Host), Path: "/~" + b.Host, Paths: b.Paths}
		if b.Host == "" {
			place.Host, place.Slots = main.Host, a.slotsOf(main.Host, "")
		}
		hosts = append(hosts, place)
	}
	return hosts
}

// otherPrefixHosts are what main has below the other path prefixes of the placement.
func (a *App) otherPrefixHosts(main Host) (hosts []Host) {
	_, base := splitURL(a.Upstream)
	for _, prefix := range a.Placement.Prefixes() {
		if prefix.Head == "" {
			continue // main itself
		}
		path := strings.TrimRight(strings.TrimRight(base, "/")+prefix.Template, "/")
		host := Host{Scheme: main.Scheme, Host: main.Host, BasePath: path, Path: prefix.Head}
		host.Slots = a.slotsOf(main.Host, path)
		hosts = append(hosts, host)
	}
	return hosts
}

// renamedHosts are what the provider calls main where options would fill it otherwise.
func (a *App) renamedHosts(main Host) (hosts []Host) {
	before, rest, _ := strings.Cut(main.Host, "{")
	_, after, found := strings.Cut(rest, "}")
	for _, filled := range slices.Sorted(maps.Keys(a.HostRenames)) {
		if found && strings.HasPrefix(filled, before) && strings.HasSuffix(filled, after) {
			hosts = append(hosts, Host{
				Scheme: main.Scheme, Host: a.HostRenames[filled], BasePath: main.BasePath, Slots: a.slotsOf("", main.BasePath),
			})
		}
	}
	return hosts
}

// mainHost is the upstream, with the path prefix of the placement: SDKs write that into their
// paths.
func (a *App) mainHost() Host {
	host, path := splitURL(a.Upstream)
	h := Host{Host: a.withoutPort(host), BasePath: strings.TrimRight(path, "/")}
	if strings.HasPrefix(a.Upstream, "http://") {
		h.Scheme = "http"
	}
	if a.Placement != nil {
		h.BasePath = strings.TrimRight(h.BasePath+a.Placement.PathPrefix, "/")
	}
	h.Slots = a.slotsOf(h.Host, h.BasePath)
	return h
}

// withoutPort cuts the port that goes without saying off.
func (a *App) withoutPort(host string) string {
	if strings.HasPrefix(a.Upstream, "http://") {
		return strings.TrimSuffix(host, ":80")
	}
	return strings.TrimSuffix(host, ":443")
}

// slotsOf describes the slots of a host and a base path; nil without slots.
func (a *App) slotsOf(host, path string) map[string]Slot {
	slots := map[string]Slot{}
	for _, name := range fieldNames(path) {
		slots[name] = Slot{Kind: SlotSegment}
	}
	for _, name := range fieldNames(host) {
		slots[name] = Slot{Kind: SlotLabel}
	}
	for _, f := range a.Fields {
		s, ok := slots[f.Name]
		if !ok {
			continue
		}
		s.Options, s.SitePath = f.Options, f.SitePath
		if s.Kind == SlotLabel && f.Kind != "" {
			s.Kind = f.Kind // KindHost and KindLabels are spelt as the slots'
		}
		slots[f.Name] = s
	}
	if len(slots) == 0 {
		return nil
	}
	return slots
}
