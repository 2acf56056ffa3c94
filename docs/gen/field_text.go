package main

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// goName is a word that may be a field's name in Go.
var (
	goName       = regexp.MustCompile(`[A-Z][A-Za-z0-9]*`)
	severalWords = regexp.MustCompile(`[a-z][A-Z]`)
)

// goNames maps the names that fields have in Go, of all structs, to their JSON names. Only names
// of several words are in it: others are words of English, too.
func (s *source) goNames() map[string]string {
	names := make(map[string]string)
	for _, name := range slices.Sorted(maps.Keys(s.structs)) {
		for _, f := range s.structs[name].fields {
			if f.json != "" && severalWords.MatchString(f.name) {
				names[f.name] = f.json
			}
		}
	}
	return names
}

// text is a field's doc comment for readers who do not see its name in Go: "Foo is the …" is "The
// …", and other fields go by their JSON names.
func (l *list) text(t *structType, f field) string {
	text := strings.TrimPrefix(strings.Join(strings.Fields(f.doc), " "), f.name+" ")
	for _, verb := range []string{"is ", "are "} {
		if rest, ok := strings.CutPrefix(text, verb); ok && strings.Contains(rest, " ") {
			text = rest
		}
	}
	text = capitalize(l.renameFields(t, text))
	if nested := l.source.structs[f.elem]; l.isNested(f) {
		for _, s := range sentencesOf(nested.doc)[1:] { // the first says what the field's doc says
			text += " " + l.renameFields(nested, s)
		}
	}
	return text
}

// renameFields writes JSON names for the fields that a text speaks of. A name of one word counts
// inside a sentence only.
func (l *list) renameFields(t *structType, text string) string {
	own := make(map[string]string)
	for _, f := range t.fields {
		if f.name != strings.ToUpper(f.name) { // URL and API are words, too
			own[f.name] = f.json
		}
	}
	text = seeAlso.ReplaceAllString(text, "")
	text = docLink.ReplaceAllStringFunc(text, func(link string) string {
		name := strings.Trim(link, "[]")
		return name[strings.LastIndex(name, ".")+1:]
	})
	parts := strings.Split(text, "`") // every second one is code
	for i := 0; i < len(parts); i += 2 {
		part, rest := "", parts[i]
		for {
			at := goName.FindStringIndex(rest)
			if at == nil {
				break
			}
			before, word := part+rest[:at[0]], rest[at[0]:at[1]]
			json, known := l.names[word]
			if short, ok := own[word]; ok && !known && short != "" {
				json, known = short, strings.HasSuffix(before, " ") && !endsSentence(before) &&
					!strings.HasPrefix(rest[at[1]:], ":")
			}
			if known {
				word = "`" + json + "`"
			}
			part, rest = before+word, rest[at[1]:]
		}
		parts[i] = part + rest
	}
	return strings.Join(parts, "`")
}

func endsSentence(text string) bool {
	text = strings.TrimRight(text, " ")
	return text == "" || strings.ContainsRune(".:;", rune(text[len(text)-1]))
}
