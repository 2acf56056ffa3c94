package main

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxLine is where lines of generated text are wrapped.
const maxLine = 118

// wrap breaks a paragraph into lines; all but the first begin with indent.
func wrap(text, indent string) string {
	var out strings.Builder
	length := 0
	for i, word := range words(text) {
		size := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case length+1+size > maxLine:
			out.WriteString("\n" + indent)
			length = len(indent)
		default:
			out.WriteByte(' ')
			length++
		}
		out.WriteString(word)
		length += size
	}
	return out.String()
}

// words splits at spaces, but for those inside a code span: a line break there would be shown.
func words(text string) []string {
	var list []string
	for _, word := range strings.Fields(text) {
		if n := len(list); n > 0 && strings.Count(list[n-1], "`")%2 == 1 {
			list[n-1] += " " + word
			continue
		}
		list = append(list, word)
	}
	return list
}

// seeAlso is a sentence that only sends readers of the code elsewhere.
var seeAlso = regexp.MustCompile(` See \[[^\]]+\]\.`)

// docLink is a link to a symbol of Go, as doc comments write it.
var docLink = regexp.MustCompile(`\[[A-Z][A-Za-z0-9]*(?:\.[A-Z][A-Za-z0-9]*)*\]`)

// sentencesOf splits a paragraph. Abbreviations such as `e.g.` do not end a sentence, because a
// lower-case letter follows them.
func sentencesOf(text string) []string {
	var list []string
	rest := strings.Join(strings.Fields(text), " ")
	for from := 0; ; {
		i := strings.Index(rest[from:], ". ")
		if i < 0 {
			return append(list, rest)
		}
		end := from + i + 1
		if next, _ := utf8.DecodeRuneInString(rest[end+1:]); unicode.IsLower(next) {
			from = end
			continue
		}
		list, rest, from = append(list, rest[:end]), rest[end+1:], 0
	}
}

// capitalize makes the first letter upper-case.
func capitalize(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}

// escapeCell keeps a text in one cell of a table.
func escapeCell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
