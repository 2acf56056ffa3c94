package neighbour

import (
	"fmt"
	"testing"
)

func TestOverlap(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{":8080", "tcp/:8080", true},
		{":8080", "127.0.0.1:8080", true},
		{"[::]:8080", "127.0.0.1:8080", true},
		{"0.0.0.0:8080", "tcp4/10.0.0.1:8080", true},
		{"127.0.0.1:8080", "127.0.0.1:8080", true},
		{"127.0.0.1:8080", "127.0.0.2:8080", false},
		{":8080", ":8081", false},
		{"udp/:8080", ":8080", false},
		{"unix//run/a.sock", "unix//run/a.sock", true},
		{"unix//run/a.sock", "unix//run/b.sock", false},
	} {
		if got := overlap([]string{":1", c.a}, []string{c.b}); (len(got) == 1) != c.want {
			t.Errorf("%s and %s share %v, want %v", c.a, c.b, got, c.want)
		}
	}
	if got := fmt.Sprint(overlap([]string{":1", ":2"}, []string{":2", ":3"})); got != "[:2]" {
		t.Errorf("shared %s", got)
	}
}
