package page

import "fmt"

// Budget is one budget of the tenant, as it is now.
type Budget struct {
	// Name is token, api or connection, or an app's slug where App is set.
	Name string
	// App is the name of the app whose calls it bounds; empty for any other.
	App string
	// Limit is how many units may be spent a minute; 0 means no bound.
	Limit int
	// Left is how many are left.
	Left int
	// Refusals counts, for each of the last 60 minutes, the calls that were refused; the current
	// minute is the last.
	Refusals [60]int
	// Lowest are the connections that have the least left of a budget that each of them has.
	Lowest []Remaining
}

// Remaining is what one connection has left.
type Remaining struct {
	Connection string
	Left       int
}

// ID is a part of the ids in the page.
func (b Budget) ID() string {
	if b.App != "" {
		return "app-" + b.Name
	}
	return b.Name
}

// Each says that the budget is every connection's own.
func (b Budget) Each() bool { return b.Name == "connection" && b.App == "" }

// Charted says that refusals are counted for the budget. Those of the narrower ones count as the
// token budget's.
func (b Budget) Charted() bool { return b.App == "" && !b.Each() }

// Label is the budget's title.
func (b Budget) Label() string {
	switch {
	case b.App != "":
		return b.App
	case b.Each():
		return "Connection budget"
	}
	switch b.Name {
	case "token":
		return "Token budget"
	case "api":
		return "API budget"
	}
	return b.Name
}

// Purpose says what spends the budget, where that is known.
func (b Budget) Purpose() string {
	switch {
	case b.App != "":
		return "Calls to this app, by all connections together"
	case b.Each():
		return "Calls through each connection, by itself"
	}
	switch b.Name {
	case "token":
		return "Calls through the gateway, and token calls"
	case "api":
		return "All other API calls, MCP included"
	}
	return ""
}

// Remaining is Left within the bounds of the budget.
func (b Budget) Remaining() int { return max(0, min(b.Left, b.Limit)) }

// Used is how many units are spent and not yet back.
func (b Budget) Used() int { return b.Limit - b.Remaining() }

// UsedWidth is the length of the bar's used part, of 1000.
func (b Budget) UsedWidth() int {
	if b.Limit <= 0 {
		return 0
	}
	return int(int64(b.Used()) * 1000 / int64(b.Limit))
}

// Low reports whether less than a tenth is left.
func (b Budget) Low() bool { return b.Limit > 0 && int64(b.Remaining())*10 < int64(b.Limit) }

// Bar is one minute of the chart of refusals, in the units of its view box.
type Bar struct {
	X, Y, Height int
	// Some says that there were refusals; the bars of the other minutes are only a line to stand on.
	Some bool
}

// The chart is 60 bars of 10 units each, 100 units high.
const (
	barStep   = 10
	barsRange = 100
)

// Bars returns the chart of refusals, scaled to its highest minute.
func (b Budget) Bars() []Bar {
	_, highest, _ := b.refused()
	bars := make([]Bar, 0, len(b.Refusals))
	for i, n := range b.Refusals {
		h := 2
		if n > 0 {
			h = max(8, int(int64(n)*barsRange/int64(highest)))
		}
		bars = append(bars, Bar{X: i * barStep, Y: barsRange - h, Height: h, Some: n > 0})
	}
	return bars
}

// refused returns the refusals of the hour, the most in one minute, and how many minutes ago that
// was.
func (b Budget) refused() (total, highest, ago int) {
	for i, n := range b.Refusals {
		total += n
		if n >= highest {
			highest, ago = n, len(b.Refusals)-1-i
		}
	}
	return total, highest, ago
}

// Refused is how many calls were refused in the last hour.
func (b Budget) Refused() int {
	total, _, _ := b.refused()
	return total
}

// Summary says in words what the chart of refusals shows.
func (b Budget) Summary() string {
	total, highest, ago := b.refused()
	if total == 0 {
		return "No refusals in the last hour"
	}
	when := "this minute"
	if ago > 0 {
		when = plural(ago, "minute", "minutes") + " ago"
	}
	return fmt.Sprintf("%s in the last hour; at most %d in one minute, %s", plural(total, "refusal", "refusals"), highest,
		when)
}

func plural(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}
