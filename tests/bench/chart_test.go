package main

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestChart(t *testing.T) {
	o := outcomes{{id: http1Usual, series: []*series{
		{name: static, turns: []turn{{cpu: 90}, {cpu: 100}, {cpu: 110}}},
		{name: "Caddy <& nginx>", turns: []turn{{cpu: 200}}},
		{name: "not measured"},
	}}}
	drawing := chart(panels(o))
	for _, want := range []string{"100 µs", "200 µs", "Caddy &lt;&amp; nginx&gt;", `class="ours"`,
		"prefers-color-scheme"} {
		if !strings.Contains(drawing, want) {
			t.Errorf("%s is missing in %s", want, drawing)
		}
	}
	if strings.Contains(drawing, "not measured") {
		t.Error("a contender without a figure has a bar")
	}
	for d := xml.NewDecoder(strings.NewReader(drawing)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
