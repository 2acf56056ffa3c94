package policy

import (
	"strings"
	"testing"
	"time"
)

// TestLongPaths: a path of as many bytes as a header may have costs no more than it takes to read
// it a few times.
func TestLongPaths(t *testing.T) {
	for name, unit := range map[string]string{"plain": "/a", "odd": "/a;b", "scripts": "/a.php",
		"encoded": "/%EF%BC%A1;x%23"} {
		t.Run(name, func(t *testing.T) {
			begun := time.Now()
			err := new(Steering).Permit(Call{App: "app", Method: "GET", Path: strings.Repeat(unit, 1<<20/len(unit))},
				Rules{deny("app", "/admin/**"), deny("app", "/*/x/**")})
			if name != "plain" && code(t, err) != invalidCode || name == "plain" && err != nil {
				t.Errorf("%v", err)
			}
			// Where time grew with the square of the length, it would be minutes.
			if took := time.Since(begun); took > 20*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}
