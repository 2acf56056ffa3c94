package main

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// Measures of the chart, in its own units, which are pixels where it is shown as it is.
const (
	chartWidth = 860
	nameWidth  = 300
	barRoom    = 440
	barHeight  = 18
	rowHeight  = 26
	panelGap   = 26
)

// The colours are of one hue for Vendgate and grey for all others; those of the text have a
// contrast of 7 to 1 and more.
const chartStyle = `<style>
svg { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif }
.page { fill: #ffffff } .text { fill: #1f2328 } .soft { fill: #4b535d } .title { font-weight: 600; font-size: 15px }
.ours { fill: #0b6e99 } .other { fill: #a3acb6 } .line { stroke: #1f2328; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
.page { fill: #0d1117 } .text { fill: #f0f6fc } .soft { fill: #b7bdc8 }
.ours { fill: #4cb3dd } .other { fill: #5c6570 } .line { stroke: #f0f6fc }
}
</style>
`

// panel is one comparison in the chart.
type panel struct {
	title string
	unit  string
	rows  []bar
}

type bar struct {
	name string
	spread
}

func (b bar) class() string {
	if strings.HasPrefix(b.name, "vendgate") {
		return "ours"
	}
	return "other"
}

// panels are what of the outcomes the chart shows.
func panels(o outcomes) (list []panel) {
	for _, p := range []struct {
		id, title, unit string
		metric          metric
	}{
		{http1Usual, "CPU per request · HTTP/1.1 upstream, 1 KiB, 32 callers", "µs", cpu},
		{tls2Usual, "CPU per request · TLS upstream over HTTP/2, 1 KiB, 32 callers", "µs", cpu},
		{fixedRate, "Added p99 latency · 1,000 requests a second, open loop", "ms", addedP99},
		{idleStreams, "Memory of an idle event stream · HTTP/1.1 upstream", "KiB", streamRSS},
	} {
		found, shown := o.find(p.id), panel{title: p.title, unit: p.unit}
		if found == nil {
			continue
		}
		for _, s := range found.series {
			if values := s.values(p.metric); len(values) > 0 {
				shown.rows = append(shown.rows, bar{s.name, summarize(values)})
			}
		}
		if len(shown.rows) > 0 {
			list = append(list, shown)
		}
	}
	return list
}

// chart draws the panels as an SVG image for light and dark pages.
func chart(list []panel) string {
	var b strings.Builder
	y := panelGap
	for _, p := range list {
		y = p.draw(&b, y)
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img">`,
		chartWidth, y, chartWidth, y) + "\n<title>Benchmark results</title>\n" + chartStyle +
		fmt.Sprintf(`<rect class="page" width="%d" height="%d"/>`, chartWidth, y) + "\n" + b.String() + "</svg>\n"
}

// draw writes one panel that begins at y, and returns where the next one does.
func (p panel) draw(b *strings.Builder, y int) int {
	fmt.Fprintf(b, `<text class="text title" x="16" y="%d">%s</text>`+"\n", y, html.EscapeString(p.title))
	y += 12
	most := 1e-9 // no division by 0 where all are 0
	for _, r := range p.rows {
		most = max(most, r.high)
	}
	at := func(v float64) float64 { return nameWidth + barRoom*max(0, v)/most }
	for _, r := range p.rows {
		middle := float64(y) + rowHeight/2
		fmt.Fprintf(b, `<text class="text" x="%d" y="%.1f" text-anchor="end">%s</text>`, nameWidth-10, middle+4.5,
			html.EscapeString(r.name))
		fmt.Fprintf(b, `<rect class="%s" x="%d" y="%.1f" width="%.1f" height="%d" rx="2"/>`, r.class(), nameWidth,
			middle-barHeight/2, math.Max(at(r.median)-nameWidth, 1), barHeight)
		if r.high > r.low { // the quartiles
			fmt.Fprintf(b, `<path class="line" d="M%.1f %.1fH%.1f"/>`, at(r.low), middle, at(r.high))
		}
		fmt.Fprintf(b, `<text class="soft" x="%.1f" y="%.1f">%s %s</text>`+"\n", math.Max(at(r.high), at(r.median))+8,
			middle+4.5, number(r.median), p.unit)
		y += rowHeight
	}
	return y + panelGap
}
