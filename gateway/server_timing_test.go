package gateway

import (
	"testing"
	"time"
)

func TestAppendMillis(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0.000", 499: "0.000", 500: "0.001", time.Microsecond: "0.001", 12 * time.Microsecond: "0.012",
		345 * time.Microsecond: "0.345", 999_600: "1.000",
		1_234_567: "1.235", 2*time.Minute + 70*time.Microsecond: "120000.070",
	} {
		if got := string(appendMillis(nil, d)); got != want {
			t.Errorf("%s: %s, want %s", d, got, want)
		}
	}
}
