package jsonedit

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// edited runs text through an editor in parts of a size, as a stream comes.
func edited(members []string, text string, size int, edit func(string) string) string {
	e := NewEditor(NewMembers(members), edit)
	var out []byte
	for rest := text; rest != ""; {
		n := min(size, len(rest))
		out = e.Write(out, []byte(rest[:n]))
		rest = rest[n:]
	}
	return string(e.End(out))
}

// TestEditor: what is between angle brackets is what was rewritten, and all else is as it
// was.
func TestEditor(t *testing.T) {
	mark := func(v string) string { return "<" + v + ">" }
	for _, c := range []struct{ name, members, text, want string }{
		{"a name at any depth", "next", `{"next":"a","b":[{"next":"c"}],"Next":"d","nexts":"e"}`,
			`{"next":"<a>","b":[{"next":"<c>"}],"Next":"d","nexts":"e"}`},
		{"a name with a dot", "@odata.nextLink", `{"@odata.nextLink":"a","@odata":{"nextLink":"b"},"nextLink":"c"}`,
			`{"@odata.nextLink":"<a>","@odata":{"nextLink":"<b>"},"nextLink":"c"}`},
		{"a path", "paging.next", `{"paging":{"next":"a","x":{"next":"b"}},"next":"c","p":{"paging":{"next":"d"}}}`,
			`{"paging":{"next":"<a>","x":{"next":"b"}},"next":"c","p":{"paging":{"next":"<d>"}}}`},
		{"a path through lists", "links.href", `{"links":[[{"href":"a"}],{"href":"b"}]}`,
			`{"links":[[{"href":"<a>"}],{"href":"<b>"}]}`},
		{"a path to a name with a dot", "v.@odata.nextLink", `{"v":{"@odata.nextLink":"a"},"@odata.nextLink":"b"}`,
			`{"v":{"@odata.nextLink":"<a>"},"@odata.nextLink":"b"}`},
		{"a path that ends alike", "paging.next", `{"xpaging":{"next":"a"},"aging":{"next":"b"}}`,
			`{"xpaging":{"next":"a"},"aging":{"next":"b"}}`},
		{"a list", "urls", `{"urls":["a",["b"],{"c":"d"},1,null],"e":["f"]}`,
			`{"urls":["<a>",["<b>"],{"c":"d"},1,null],"e":["f"]}`},
		{"an object", "next", `{"next":{"href":"a"}}`, `{"next":{"href":"a"}}`},
		{"behind an object", "next", `{"next":{"href":"a"},"b":"c","next":"d"}`,
			`{"next":{"href":"a"},"b":"c","next":"<d>"}`},
		{"duplicates and white space", "a", "{ \"a\" : \"b\" ,\r\n\"a\":\t\"c\", \"n\": 1.0E+2 }\n",
			"{ \"a\" : \"<b>\" ,\r\n\"a\":\t\"<c>\", \"n\": 1.0E+2 }\n"},
		{"values that are no strings", "a", `{"a":1,"b":{"a":null},"c":[{"a":true}]}`,
			`{"a":1,"b":{"a":null},"c":[{"a":true}]}`},
		{"an escaped name", "next", `{"n\u0065xt":"a"}`, `{"n\u0065xt":"<a>"}`},
		{"escaped slashes", "a", `{"a":"b\/c"}`, `{"a":"<b\/c>"}`},
		{"other escapes", "a", `{"a":"b\u0026c&d\u003ee\u00E9é\ud83d\ude00"}`,
			`{"a":"<b\u0026c\u0026d\u003ee\u00E9\u00E9\ud83d\ude00\u003e"}`},
		{"quotes", "a", `{"a":"b\"c\\","d":"\"a\":\"e\""}`, `{"a":"<b\"c\\>","d":"\"a\":\"e\""}`},
		{"half of a surrogate pair", "a", `{"a":"b\ud83d"}`, `{"a":"b\ud83d"}`},
		{"invalid UTF-8", "a", "{\"a\":\"b\xff\",\"\xff\":\"c\"}", "{\"a\":\"b\xff\",\"\xff\":\"c\"}"},
		{"no object", "a", `["a","b"]`, `["a","b"]`},
		{"a string alone", "a", `"a"`, `"a"`},
		{"too long", "a", `{"a":"` + strings.Repeat("b", maxString) + `","a":"c"}`,
			`{"a":"` + strings.Repeat("b", maxString) + `","a":"<c>"}`},
		{"a name that is too long", "a", `{"` + strings.Repeat("a", maxString) + `":"b","a":"c"}`,
			`{"` + strings.Repeat("a", maxString) + `":"b","a":"<c>"}`},
		{"cut off", "a", `{"a":"b","a":"c`, `{"a":"<b>","a":"c`},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, size := range []int{1, 7, 1 << 20} {
				got := edited([]string{c.members}, c.text, size, mark)
				got, want := strings.ReplaceAll(got, `\u003e"`, `>"`), strings.ReplaceAll(c.want, `\u003e"`, `>"`)
				if got != want {
					t.Errorf("in parts of %d:\n%.300s\nwant\n%.300s", size, got, want)
				}
			}
		})
	}
}

// FuzzEditor: whatever the text is, an editor that edits nothing changes nothing. One that
// removes changes what is between the quotes of declared members, and leaves JSON JSON.
func FuzzEditor(f *testing.F) {
	for _, seed := range []string{`{"next":"https:\/\/a","x":[1,{"next":["b"]}]}`, `{"a.b":"c","a":{"b":"\u0061"}}`,
		"[}{,:\"\\", `{"next":"\ud83d\ude00"}`} {
		f.Add(seed, 3)
	}
	f.Fuzz(func(t *testing.T, text string, size int) {
		members := []string{"next", "a.b"}
		size = max(1, min(size, len(text)))
		if got := edited(members, text, size, func(v string) string { return v }); got != text {
			t.Fatalf("%q became %q", text, got)
		}
		if !json.Valid([]byte(text)) {
			return
		}
		const sign = "\x01\"<&>/\u00e9\U0001f600"
		got := edited(members, text, size, func(string) string { return sign })
		if !json.Valid([]byte(got)) {
			t.Fatalf("%q became %q, which is no JSON", text, got)
		}
		if whole := edited(members, text, len(text)+1, func(string) string { return sign }); whole != got {
			t.Fatalf("%q became %q at once and %q in parts", text, whole, got)
		}
		if blank(t, members, got) != blank(t, members, text) {
			t.Fatalf("%q became %q: more than the members changed", text, got)
		}
	})
}

// blank is text without what the declared members hold.
func blank(t *testing.T, members []string, text string) string {
	t.Helper()
	out := edited(members, text, len(text)+1, func(string) string { return "" })
	if !json.Valid([]byte(out)) {
		t.Fatalf("%q became %q, which is no JSON", text, out)
	}
	return out
}

func BenchmarkEditor(b *testing.B) {
	text := []byte(`{"items":[` +
		strings.Repeat(`{"id":12345,"name":"a name of some `+
			`length","url":"https://api.example.com/items/12345","tags":["a","b"]},`, 9000) + `{}]}`)
	members := NewMembers([]string{"next", "@odata.nextLink"})
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		e := NewEditor(members, func(v string) string { return v })
		if out := e.End(e.Write(make([]byte, 0, len(text)), text)); len(out) != len(text) {
			b.Fatal(len(out))
		}
	}
}

// TestNamesThatCost: a name that ends like a member's is looked at with the names around it,
// however many lists are between. With a cost that grew by them, the deep text would take thousands
// of times as long as the flat one, whatever else the machine does.
func TestNamesThatCost(t *testing.T) {
	const depth, tolerance = maxNesting - 10, 50
	var members []string
	for c := 'a'; c <= 'z'; c++ {
		members = append(members, string(c)+".next")
	}
	edit := func(lists int) time.Duration {
		text := `{"z":` + strings.Repeat("[", lists) + strings.Repeat(`{"next":1},`, 80000) + `{"next":"b"}` +
			strings.Repeat("]", lists) + "}"
		begun := time.Now()
		got := edited(members, text, 1<<20, func(string) string { return "c" })
		took := time.Since(begun)
		if want := strings.ReplaceAll(text, `"b"`, `"c"`); got != want {
			t.Errorf("the member was not found in %d lists", lists)
		}
		return took
	}
	if flat, deep := edit(1), edit(depth); deep > tolerance*flat {
		t.Errorf("%d lists took %v, and one %v", depth, deep, flat)
	}
}
