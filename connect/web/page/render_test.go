package page

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	// x/net/html reads pages as browsers do, so that a test sees what hostile text became.
	"golang.org/x/net/html"
)

var testPages = New("/connect")

// document renders a view and parses it.
func document(t *testing.T, v View) (*html.Node, string) {
	t.Helper()
	body, err := testPages.Render(v)
	if err != nil {
		t.Fatal(err)
	}
	root, err := html.Parse(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return root, string(body)
}

// elements returns the elements of a page in order.
func elements(root *html.Node) (all []*html.Node) {
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			all = append(all, n)
		}
	}
	return all
}

func attr(n *html.Node, key string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val, true
		}
	}
	return "", false
}

func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// eachPage runs f over every page of every person.
func eachPage(t *testing.T, f func(t *testing.T, name string, root *html.Node, source string)) {
	for who, p := range people {
		for name, v := range p.views() {
			t.Run(who+"/"+name, func(t *testing.T) {
				root, source := document(t, v)
				f(t, name, root, source)
			})
		}
	}
}

// TestNothingInline checks what the policy of SecurityHeaders would refuse, and that nothing is
// loaded from elsewhere but the logo.
func TestNothingInline(t *testing.T) {
	eachPage(t, func(t *testing.T, name string, root *html.Node, _ string) {
		for _, n := range elements(root) {
			switch n.Data {
			case "style", "iframe", "object", "embed", "base":
				t.Errorf("the page has a <%s>", n.Data)
			case "script":
				src, _ := attr(n, "src")
				known := strings.HasPrefix(src, "/connect/assets/dashboard.js?v=") ||
					strings.HasPrefix(src, "/connect/assets/form.js?v=")
				if !known || n.FirstChild != nil {
					t.Errorf("the page has a script %q with the text %q", src, text(n))
				}
			}
			for _, a := range n.Attr {
				if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
					t.Errorf("<%s> has the attribute %s", n.Data, a.Key)
				}
				if slices.Contains([]string{"src", "href", "action", "formaction", "data-live"}, a.Key) {
					checkAddress(t, name, n, a.Val)
				}
			}
		}
	})
}

func checkAddress(t *testing.T, name string, n *html.Node, address string) {
	t.Helper()
	switch {
	case strings.HasPrefix(address, "/connect/"), strings.HasPrefix(address, "?"), strings.HasPrefix(address, "#") &&
		address != "#":
	case n.Data == "img" && address == "https://logo.example/logo.svg":
	case n.Data == "a" && name == "redirect" &&
		address == "https://accounts.example.com/o/oauth2/auth?client_id=1&state=2":
	// the app's
	case n.Data == "a" && slices.Contains([]string{"form-help", "update", "update-problem"}, name) &&
		strings.HasPrefix(address, "https://help.example.com/keys?a=b&c="):
	default:
		t.Errorf("<%s> leads to %q", n.Data, address)
	}
}

// TestHostileTextStaysText compares an attacker's pages with a plain person's: text that became
// markup would be another element or another attribute.
func TestHostileTextStaysText(t *testing.T) {
	shape := func(v View) (list []string) {
		root, _ := document(t, v)
		for _, n := range elements(root) {
			var keys []string
			for _, a := range n.Attr {
				keys = append(keys, a.Key)
			}
			// an address has as many parts as signs
			if class, _ := attr(n.Parent, "class"); class != "address" || n.Data != "span" || keys != nil {
				list = append(list, fmt.Sprint(n.Data, keys))
			}
		}
		return list
	}
	plain, hostile := people["plain"].views(), people["hostile"].views()
	for name, v := range hostile {
		if want, got := shape(plain[name]), shape(v); !slices.Equal(got, want) {
			t.Errorf("%s: the hostile page has the elements\n%q\nand the plain one\n%q", name, got, want)
		}
	}
}

// TestStructure checks what screen readers and keyboards go by.
func TestStructure(t *testing.T) {
	eachPage(t, func(t *testing.T, name string, root *html.Node, source string) {
		if name == "budgets-live" {
			return // a part of a page
		}
		count := map[string]int{}
		ids := map[string]bool{}
		for _, n := range elements(root) {
			count[n.Data]++
			if id, ok := attr(n, "id"); ok && ids[id] {
				t.Errorf("the id %q stands twice", id)
			} else if ok {
				ids[id] = true
			}
		}
		if count["h1"] != 1 || count["main"] != 1 || count["title"] != 1 {
			t.Errorf("there are %d h1, %d main, %d title; want one of each", count["h1"], count["main"], count["title"])
		}
		if !strings.HasPrefix(source, "<!doctype html>\n<html lang=\"en\">") {
			t.Errorf("the page begins with %.60q", source)
		}
		for _, n := range elements(root) {
			checkReferences(t, n, ids)
			checkLabel(t, n, root)
		}
	})
}

func checkReferences(t *testing.T, n *html.Node, ids map[string]bool) {
	t.Helper()
	for _, key := range []string{"aria-describedby", "aria-labelledby", "for", "data-copy", "data-reveal", "href"} {
		value, ok := attr(n, key)
		if key == "href" && (!ok || !strings.HasPrefix(value, "#")) {
			continue
		}
		for _, id := range strings.Fields(strings.TrimPrefix(value, "#")) {
			if !ids[id] {
				t.Errorf("<%s> points by %s to %q, which is not there", n.Data, key, id)
			}
		}
	}
	if _, ok := attr(n, "alt"); n.Data == "img" && !ok {
		t.Error("an image has no alt")
	}
}

func checkLabel(t *testing.T, n, root *html.Node) {
	t.Helper()
	if kind, _ := attr(n, "type"); (n.Data != "input" && n.Data != "select") || kind == "hidden" {
		return
	}
	if label, _ := attr(n, "aria-label"); label != "" {
		return
	}
	id, _ := attr(n, "id")
	for _, l := range elements(root) {
		if target, _ := attr(l, "for"); l.Data == "label" && target == id {
			return
		}
	}
	t.Errorf("<%s id=%q> has no label", n.Data, id)
}

func TestEveryPostCarriesCSRF(t *testing.T) {
	for name, v := range people["plain"].views() {
		root, _ := document(t, v)
		for _, n := range elements(root) {
			if method, _ := attr(n, "method"); n.Data != "form" || method != "post" {
				continue
			}
			var found string
			for _, in := range elements(n) {
				if field, _ := attr(in, "name"); field == "csrf" {
					found, _ = attr(in, "value")
				}
			}
			if found != "csrf-Secret key" {
				t.Errorf("%s: a form posts the csrf %q", name, found)
			}
		}
	}
}

func TestRenderNamesWhatIsMissing(t *testing.T) {
	p := New("/connect")
	delete(p.templates, "invalid.html")
	if _, err := p.Render(Invalid{}); err == nil || !strings.Contains(err.Error(), "no template invalid") {
		t.Errorf("rendering without the template: %v", err)
	}
	if _, err := p.asset("other.css"); err == nil {
		t.Error("an unknown asset has a path")
	}
}

func TestBaseGoesIntoEveryPath(t *testing.T) {
	body, err := New("/under/connect").Render(people["plain"].views()["connections"])
	if err != nil {
		t.Fatal(err)
	}
	if rest := strings.ReplaceAll(string(body), `="/under/connect/`, ""); strings.Contains(rest, `="/`) {
		t.Errorf("the page has a path outside its base:\n%s", rest)
	}
}

func BenchmarkInvitation(b *testing.B) {
	p, v := New("/connect"), people["plain"].views()["invitation"]
	for b.Loop() {
		if _, err := p.Render(v); err != nil {
			b.Fatal(err)
		}
	}
}
